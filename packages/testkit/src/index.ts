export { engineConformance, engineFaultConformance } from './engine-conformance.ts';
export { engineDifferential } from './engine-differential.ts';
export type { DifferentialSubject } from './engine-differential.ts';
export { engineRealConformance } from './engine-real-conformance.ts';
export type { RealSubject } from './engine-real-conformance.ts';
export { createGbnfMatcher } from './gbnf-matcher.ts';
export type { GbnfMatcher } from './gbnf-matcher.ts';
export { realModel } from './real-model.ts';
export type { RealModelName, RealModelPlace } from './real-model.ts';
export type { EngineSubject, EngineTrait } from './conformance-subject.ts';
export { tryEngine, untilFault, untilGone } from './engine-trial.ts';
export type { CreateEngine, EngineTrial } from './engine-trial.ts';
export { collectAnswer } from './collect-answer.ts';
export type { CollectedAnswer } from './collect-answer.ts';
export { encodeWorkerScript, scriptedWorker } from './worker-script.ts';
export type { Contention, Fault, FaultAction, FaultPoint, ScriptedText, WorkerScript } from './worker-script.ts';
export { journalPids, readJournal } from './worker-journal.ts';
export type { BatchWork, JournalEntry } from './worker-journal.ts';
export {
  renderScriptedTokens,
  scriptedAnswer,
  scriptedLogprobs,
  scriptedScore,
  scriptedVector,
  tokenizeScripted,
} from './scripted-model.ts';
export { describeUnless, itUnless, missingLinux, missingUnix } from './declare-unless.ts';
export type { Missing } from './declare-unless.ts';
export { samplingOff } from './sampling-off.ts';
export { expectTaken, fuzz } from './fuzz.ts';
export type { FuzzSubject } from './fuzz.ts';
export { hostileText, worstTexts } from './hostile-text.ts';
export { buildFaultDisk, faultEnvironment, missingFaultDisk } from './fault-disk.ts';
export type { DiskFaults, FaultMode } from './fault-disk.ts';
export { oneOf, seededRandom } from './seeded-random.ts';
export { withTemporaryFolder } from './temporary-folder.ts';
export { processRuns, until } from './until.ts';
export { embedderConformance } from './embedder-conformance.ts';
export { embedderRealConformance } from './embedder-real-conformance.ts';
export type { RealEmbedderSubject } from './embedder-real-conformance.ts';
export type { EmbedderSubject } from './embedder-trial.ts';
export { gemmaCppConformance } from './gemma-cpp-conformance.ts';
export type { GemmaCppSubject } from './gemma-cpp-conformance.ts';
export { gemmaCppRealConformance } from './gemma-cpp-real-conformance.ts';
export type { RealGemmaCppPlace } from './gemma-cpp-real-conformance.ts';
export { gemmaCppRecordingConformance } from './gemma-cpp-recording-conformance.ts';
export {
  gemmaCppRecordings,
  readRecording,
  recordedArguments,
  recordedOutput,
  replayGemma,
} from './gemma-cpp-recordings.ts';
export type { RecordedEvent, Replay } from './gemma-cpp-recordings.ts';
export { readStandInJournal, standInGemma, standInTokens, standInWeights } from './gemma-cpp-script.ts';
export type {
  StandInEntry,
  StandInFault,
  StandInPoint,
  StandInScript,
  StandInText,
  StandInWeights,
} from './gemma-cpp-script.ts';
export { runReadmeProgram } from './readme-program.ts';
export type { ReadmeProgramRun } from './readme-program.ts';
export { memoryConformance } from './memory-conformance.ts';
export { tryMemory } from './memory-trial.ts';
export type { CreateMemory, HandClock, MemorySubject, MemoryTrial } from './memory-trial.ts';
export { createToyEmbedder } from './toy-embedder.ts';
export type { ToyEmbedder, ToyEmbedderOptions } from './toy-embedder.ts';
export { memoryDifferential } from './memory-differential.ts';
export type { MemoryDifferentialSubject } from './memory-differential.ts';
export { memoryCrowd } from './memory-crowd.ts';
export type { MemoryCrowdSubject } from './memory-crowd.ts';
export { memoryCrashes } from './memory-crashes.ts';
export type { MemoryCrashesSubject } from './memory-crashes.ts';
export { memoryFlips } from './memory-flips.ts';
export type { MemoryFlipsSubject } from './memory-flips.ts';
export { memoryFaults } from './memory-faults.ts';
export type { MemoryFaultsSubject } from './memory-faults.ts';
export { memoryRelaxed } from './memory-relaxed.ts';
export type { MemoryRelaxedSubject } from './memory-relaxed.ts';
