import type { GemmaError, StateCacheStatus } from '@gemma-cli/contracts';
import { isGemmaError } from '@gemma-cli/contracts';
import type { EngineSettings } from '@gemma-cli/model-process';
import type { Slot } from './slot.ts';
import { isWorthSaving, openStateCache, stateModelKey } from './state-cache.ts';
import type { StateCache } from './state-cache.ts';
import type { WarmModel } from './warm-model.ts';

/** The state cache as the host uses it: there may be none. */
export interface SavedStates {
  /**
   * Puts the longest saved prefix of a prompt into a slot, when it is worth more than what the slot shares with the prompt
   * anyway. Gives the tokens that the slot then holds, 0 when nothing was taken. Never throws because of a saved state.
   */
  restore(
    warm: WarmModel,
    slot: Slot,
    promptTokens: readonly number[],
    options: { readonly sharedTokens: number; readonly reproducible: boolean; readonly signal: AbortSignal },
  ): Promise<number>;
  /** Saves what a slot holds now, without keeping the answer waiting: the process does it before the slot's next call. */
  save(warm: WarmModel, slot: Slot, reproducible: boolean): void;
  status(): StateCacheStatus | null;
  close(): Promise<void>;
}

/** Restoring costs some milliseconds; a gain of fewer tokens than this is evaluated as fast. */
const worthRestoringTokens = 64;

/** Opens the state cache that the settings name, when it is first needed. */
export function openStates(settings: EngineSettings): SavedStates {
  const { stateCache: place } = settings;
  if (place === null) return noStates;
  const { folder, bytesMax } = place;
  let opening: Promise<StateCache> | undefined;
  let cache: StateCache | undefined;
  /** Known once a prompt was looked for. */
  const keys = new WeakMap<WarmModel, string>();

  async function open(): Promise<StateCache> {
    opening ??= openStateCache({ folder, bytesMax, log: settings.log });
    cache = await opening;
    return cache;
  }

  /** `undefined` = its states cannot be kept. */
  function keyOf(warm: WarmModel): string | undefined {
    const known = keys.get(warm);
    if (known !== undefined || warm.fileFacts === undefined || !warm.model.capabilities.savedState) return known;
    const key = stateModelKey({
      model: warm.file,
      file: warm.fileFacts,
      contextTokens: warm.model.contextTokens,
      compactCache: settings.compactCache,
      runtime: warm.model.runtime,
    });
    keys.set(warm, key);
    return key;
  }

  return {
    async restore(warm, slot, promptTokens, { sharedTokens, reproducible, signal }) {
      // Most prompts go on in a slot; nothing on disk can be better than all but a few tokens.
      if (promptTokens.length - 1 - sharedTokens < worthRestoringTokens) return 0;
      const key = keyOf(warm);
      if (key === undefined) return 0;
      const states = await open();
      const beyondTokens = sharedTokens + worthRestoringTokens - 1;
      const found = await states.find(key, promptTokens.slice(0, -1), { alignedOnly: reproducible, beyondTokens });
      if (found === undefined) return 0;
      const tokens = promptTokens.slice(0, found.tokens);
      try {
        const params = { sequence: slot.sequence, path: found.path, tokens };
        const { kept } = await warm.process.call('load-state', params, { signal });
        slot.ledger.replace({ tokens, alignedTokens: found.aligned ? kept : 0 }, kept);
        slot.checkpointTokens = 0;
        return kept;
      } catch (error) {
        if (!isGemmaError(error) || warm.process.ended || signal.aborted) throw error;
        // What the sequence holds after a failed load is not known: it begins anew.
        slot.ledger.truncate(0);
        const problem = problemOf(error);
        if (problem === 'damaged' || problem === 'foreign' || problem === 'unreadable') {
          await states.discard(found, problem);
        } else settings.log(`A saved state was not used: ${error.message}`);
        return 0;
      }
    },
    save(warm, slot, reproducible) {
      const key = keys.get(warm);
      // Both are known since this prompt was looked for.
      if (cache === undefined || key === undefined) return;
      const { tokens, alignedTokens } = slot.ledger;
      const foundTokens = cache.coveredTokens(key, tokens, { alignedOnly: reproducible });
      if (!isWorthSaving({ tokens: tokens.length, foundTokens, msPerToken: warm.msPerPromptToken })) return;
      const aligned = reproducible && alignedTokens === tokens.length;
      // Not awaited: the process saves before it takes the next call of this sequence. It never rejects.
      void cache.save(key, [...tokens], { aligned }, (path) =>
        warm.process.call('save-state', { sequence: slot.sequence, path }),
      );
    },
    status: () => cache?.status() ?? { ...nothingYet, bytesMax },
    async close() {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

/** What the model process found wrong with a state; `undefined` when the failure was not the state's. */
function problemOf({ code, facts }: GemmaError): unknown {
  return code === 'STATE_INVALID' ? (facts['problem'] ?? 'damaged') : undefined;
}

const nothingYet: Omit<StateCacheStatus, 'bytesMax'> = {
  entries: 0,
  bytes: 0,
  hits: 0,
  misses: 0,
  saves: 0,
  ignored: {},
};

/** Without a folder nothing is remembered. */
const noStates: SavedStates = {
  restore: () => Promise.resolve(0),
  save: () => {},
  status: () => null,
  close: () => Promise.resolve(),
};
