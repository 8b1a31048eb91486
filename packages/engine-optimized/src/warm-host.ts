import { answerOnSequence, keepPrefix, tokenizeInput } from '@gemma-cli/model-process';
import type {
  AnswerPolicy,
  EngineSettings,
  ModelHost,
  PreparedSequence,
  ResolvedRequest,
  Turn,
} from '@gemma-cli/model-process';
import { createModelPool } from './model-pool.ts';
import { reusablePrefixTokens } from './reusable-prefix.ts';
import type { PoolPlace } from './model-pool.ts';
import { chooseSlot } from './slot.ts';
import type { Slot } from './slot.ts';
import { stablePrefixTokens } from './stable-prefix.ts';
import { openStates } from './saved-states.ts';
import type { SavedStates } from './saved-states.ts';
import type { WarmModel } from './warm-model.ts';

/** Tokens between two checkpoints of a slot: less is evaluated again sooner than a checkpoint is copied. */
const checkpointEveryTokens = 256;

/** Tokens between two checkpoints on the way through one long prompt: eight of them span the default context. */
const longCheckpointTokens = 1024;

/** Most memory of a slot's checkpoints, unless two of them take more. */
const checkpointBytesMax = 128 * 1024 ** 2;

/** With the time to end a process, an abort is then heard within half a second. */
const fixedChunkAbortMsMax = 300;

/** Answers on models that stay loaded, several requests side by side, from what their slots and the disk remember. */
export function warmHost(
  settings: EngineSettings,
  { createIdleMeter }: { readonly createIdleMeter: () => () => number | undefined },
): ModelHost {
  let retry = (): void => {};
  const pool = createModelPool(settings, { onRoom: () => retry(), createIdleMeter });
  const states = openStates(settings);

  async function generate(request: ResolvedRequest, turn: Turn, place: PoolPlace): Promise<void> {
    const { clock, emit, signal, stop } = turn;
    const { model: file, speculation } = request;
    let isCold = false;
    const { warm, loadMs } = await pool.open(place, {
      signal: stop,
      onLoadStart() {
        isCold = true;
        emit({ type: 'load-start', model: file.name });
      },
    });
    if (isCold) {
      clock.loaded(loadMs);
      emit({ type: 'load-end', model: file.name, loadMs });
    }
    const leave = warm.listen(emit);
    // Loading takes one core of the process's own.
    if (!warm.slots.some(({ isBusy }) => isBusy)) warm.resume(isCold ? 1 : 0);
    const seat: { slot: Slot | undefined } = { slot: undefined };
    try {
      if (speculation?.type === 'draft') await warm.loadDraft(speculation.model.path, signal);
      const policy = warmPolicy({ warm, states, settings, request, turn, seat });
      const { process, model } = warm;
      const { responseBytesMax } = settings;
      emit(await answerOnSequence({ process, model, request, policy, clock, emit, signal, responseBytesMax }));
    } finally {
      leave();
      if (seat.slot !== undefined) {
        seat.slot.isBusy = false;
        seat.slot.isDecoding = false;
      }
    }
  }

  return {
    implementation: 'optimized',
    place: (file, contextTokens) => pool.place(file, contextTokens),
    onRoom(listener) {
      retry = listener;
    },
    generate: (request, turn, place) => generate(request, turn, place as PoolPlace),
    async describe(_file, _contextTokens, signal, place) {
      const { warm } = await pool.open(place as PoolPlace, { signal, onLoadStart: () => {} });
      return warm.model;
    },
    async countTokens(_file, prompt, _contextTokens, signal, place) {
      const { warm } = await pool.open(place as PoolPlace, { signal, onLoadStart: () => {} });
      const { tokens } = await warm.process.call('tokenize', { input: tokenizeInput(prompt) }, { signal });
      return tokens.length;
    },
    processes: () => pool.processes(),
    stateCache: () => states.status(),
    async close() {
      await pool.close();
      await states.close();
    },
  };
}

/** How a warm model prepares one prompt: what of it is known already, and where it is cut. */
function warmPolicy({
  warm,
  states,
  settings,
  request,
  turn: { signal },
  seat,
}: {
  readonly warm: WarmModel;
  readonly states: SavedStates;
  readonly settings: EngineSettings;
  readonly request: ResolvedRequest;
  readonly turn: Turn;
  /** Where the slot is left for whoever gives it back. */
  readonly seat: { slot: Slot | undefined };
}): AnswerPolicy {
  const { process, slots, chunks } = warm;
  const { reproducible } = request;
  const keep = { reproducible, signal };
  /** Tokens after which the state is worth remembering; a chunk ends there. */
  let landmark = 0;
  let prompt: readonly number[] = [];

  /** Makes the slot hold as much of the prompt's beginning as is known. */
  async function takeOver(slot: Slot, donor: Slot | null): Promise<number> {
    const own = reusablePrefixTokens(slot.ledger, prompt, reproducible);
    // Another request may have taken the donor since it was chosen. From here to the call nothing comes between, and what
    // is asked of the donor after it runs after it.
    const shared = donor === null || donor.isBusy ? 0 : reusablePrefixTokens(donor.ledger, prompt, reproducible);
    if (donor === null || shared <= own) return keepPrefix(process, slot, own, keep);
    const held = { tokens: donor.ledger.tokens.slice(0, shared), alignedTokens: donor.ledger.alignedTokens };
    const { checkpointTokens, checkpoints } = donor;
    const params = { from: donor.sequence, to: slot.sequence, tokens: shared };
    const { kept } = await process.call('copy', params, { signal });
    slot.ledger.replace(held, kept);
    slot.checkpointTokens = checkpointTokens;
    slot.checkpoints = checkpoints;
    return keepPrefix(process, slot, kept, keep);
  }

  async function checkpoint(slot: Slot): Promise<void> {
    const held = slot.ledger.tokens.length;
    if (warm.checkpointsMax === 0 || held - slot.checkpointTokens < checkpointEveryTokens) return;
    const keepMax = warm.checkpointsMax ?? 1;
    const { bytes } = await process.call('checkpoint', { sequence: slot.sequence, keepMax }, { signal });
    warm.checkpointsMax = bytes === 0 ? 0 : Math.min(8, Math.max(2, Math.floor(checkpointBytesMax / bytes)));
    warm.checkpointBytes = bytes;
    slot.checkpoints = Math.min(warm.checkpointsMax, slot.checkpoints + 1);
    slot.checkpointTokens = held;
  }

  return {
    async prepare(promptTokens): Promise<PreparedSequence> {
      prompt = promptTokens;
      const { slot, donor, sharedTokens } = chooseSlot(slots, prompt, reproducible);
      slot.isBusy = true;
      slot.lastUse = Math.max(...slots.map(({ lastUse }) => lastUse)) + 1;
      seat.slot = slot;
      const { sequence, ledger } = slot;
      const restored = await states.restore(warm, slot, prompt, { sharedTokens, reproducible, signal });
      const cachedTokens = restored > 0 ? await keepPrefix(process, slot, restored, keep) : await takeOver(slot, donor);
      slot.checkpointTokens = Math.min(slot.checkpointTokens, cachedTokens);
      const mayRemember = prompt.length - cachedTokens > checkpointEveryTokens;
      landmark = mayRemember ? await stablePrefixTokens(process, request, prompt, signal) : 0;
      return { sequence, ledger, cachedTokens, restoredTokens: Math.min(restored, cachedTokens) };
    },
    chunkEnd,
    // The fixed schedule cannot go down to what the machine evaluates in time, so that an abort may have to end the process:
    // a load later, unless others would lose their answers.
    chunkAbortMsMax: () =>
      reproducible && slots.every((slot) => !slot.isBusy || slot === seat.slot)
        ? Math.min(fixedChunkAbortMsMax, settings.abortMsMax)
        : undefined,
    async chunkEvaluated({ ledger }, batch) {
      warm.observe('evaluate', batch);
      const { slot } = seat;
      if (slot === undefined) return;
      const held = ledger.tokens.length;
      if (held === landmark) states.save(warm, slot, reproducible);
      const isBeforeLast = chunkEnd(held, prompt.length) >= prompt.length;
      const isFar = held - slot.checkpointTokens >= longCheckpointTokens;
      if (isBeforeLast || isFar || held === landmark) await checkpoint(slot);
    },
    tokenSampled(batch) {
      const { slot } = seat;
      if (slot === undefined) return;
      const isFirstToken = !slot.isDecoding;
      slot.isDecoding = true;
      // The end of the prompt was evaluated with the first token. With others' prompts in it the batch is told by them.
      if (batch.batchTokens > slots.length) {
        if (isFirstToken) warm.observe('evaluate', batch);
        return;
      }
      // One token of each: told once, by the first of them.
      if (slots.find(({ isDecoding }) => isDecoding) === slot) warm.observe('decode', batch);
    },
  };

  function chunkEnd(start: number, length: number): number {
    const end =
      start +
      chunks.next({
        at: start,
        remainingTokens: length - start,
        threads: warm.threads,
        othersDecoding: slots.some((slot) => slot.isDecoding && slot !== seat.slot),
        reproducible,
      });
    return landmark > start && landmark < end ? landmark : Math.min(end, length);
  }
}
