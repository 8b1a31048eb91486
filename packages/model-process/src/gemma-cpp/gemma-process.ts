import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { GemmaError, toGemmaError } from '@gemma-cli/contracts';
import type { ErrorCode } from '@gemma-cli/contracts';
import { createUtf8Stream } from '../utf8-stream.ts';
import { exitError } from './exit-error.ts';
import { createTurnReader, emptyPromptHint } from './turn-reader.ts';
import type { TurnReader } from './turn-reader.ts';

/** How a gemma.cpp process is started and when it is given up. */
export interface GemmaProcessOptions {
  readonly executable: string;
  readonly args: readonly string[];
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of the weights, for errors. */
  readonly path: string;
  readonly contextTokens: number;
  /** The line that ends a prompt; `null` = each line is a prompt. */
  readonly endLine: string | null;
  /** Whether prompts come on stdin. Without, the process has its one prompt from its arguments. */
  readonly takesInput: boolean;
  /** Milliseconds without output after which an answer is given up. */
  readonly silenceMsMax: number;
}

/** How one answer is read. */
export interface AnswerOptions {
  /** Closes the input behind the prompt: the process ends with its answer. */
  readonly isLast: boolean;
  /** Milliseconds until the first output, where the model is loaded meanwhile. Default: those of any silence. */
  readonly firstMsMax?: number | undefined;
  /** Tokens that are evaluated before the first output, estimated: the wait for it grows with them. */
  readonly promptTokens: number;
  /** Called with text of the answer and the writes that it came in, which are about its tokens. */
  readonly onText: (text: string, tokens: number) => void;
}

/** How a turn ended. */
export interface TurnEnd {
  /** What gemma.cpp said about a prompt and answer that are together longer than the context. */
  readonly truncation: { readonly promptTokens: number; readonly answerTokensMax: number } | null;
  /** Whether the model wrote what looked like the end of its answer. */
  readonly forged: boolean;
}

const stderrTailCharsMax = 4096;

/**
 * Nothing is printed while a prompt is read, so silence says nothing then. A slow machine reads a token of a large model in
 * this many milliseconds; a hang is found later by that much, and a long prompt is not taken for one.
 */
const promptMsPerToken = 50;

/** How long the streams of an ended process are read: somebody else may hold them open. */
const drainMsMax = 500;

/** A model that writes the end mark more often than this does so on purpose. */
const forgeriesMax = 8;

/** What a process is waited for. */
interface Wait {
  readonly onChunk: (chunk: string) => void;
  /** Settles on the end of the process with exit code 0, where that is the end of the answer. */
  readonly onSoundEnd: (() => void) | null;
  readonly reject: (error: GemmaError) => void;
}

/** One running gemma.cpp: loading → idle ⇄ answering → ended. It never comes back; make a new one. */
export class GemmaProcess {
  /** Settles when the process is gone. Never rejects. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: GemmaProcessOptions;
  readonly #utf8 = createUtf8Stream();
  #stage: 'loading' | 'answering' = 'loading';
  #stderrTail = '';
  #turnStderr = '';
  #wait: Wait | undefined;
  /** Why the process was given up. The first reason wins. */
  #failure: GemmaError | undefined;
  #hasEnded = false;

  constructor(options: GemmaProcessOptions) {
    this.#options = options;
    this.#child = spawn(options.executable, [...options.args], {
      env: options.env,
      stdio: [options.takesInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    const { stdin, stdout, stderr } = this.#child;
    // A process that ended or closed its input shows as its end, with the reason; EPIPE would only hide that.
    stdin?.on('error', () => {});
    stdout?.on('data', (bytes: Buffer) => this.#receive(this.#utf8.write(bytes)));
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-stderrTailCharsMax);
      this.#turnStderr = (this.#turnStderr + text).slice(-stderrTailCharsMax);
    });

    this.exited = new Promise((resolve) => {
      this.#child.once('error', (cause) => {
        if (this.#child.pid !== undefined) return;
        this.#failure ??= new GemmaError({
          code: 'ENGINE_START_FAILED',
          message: `gemma.cpp could not be started: ${cause.message}`,
          facts: { executable: options.executable },
          cause,
        });
        this.#end(null, null);
        resolve();
      });
      this.#child.once('exit', (exitCode, signal) => {
        const finish = (): void => {
          clearTimeout(timer);
          this.#end(exitCode, signal);
          resolve();
        };
        const timer = setTimeout(finish, drainMsMax);
        this.#child.once('close', finish);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Whether the process has ended or is being killed. */
  get ended(): boolean {
    return this.#hasEnded || this.#failure !== undefined;
  }

  /**
   * Waits until the model is loaded. Nothing is printed then, so an empty prompt is sent, and its answer is the sign.
   *
   * @throws GemmaError `ENGINE_LOAD_TIMEOUT`, and what the end of the process says.
   */
  ready(loadMsMax: number): Promise<void> {
    return this.#acknowledged(this.#emptyPrompt(), 'load the model', loadMsMax, 'ENGINE_LOAD_TIMEOUT').then(() => {
      this.#stage = 'answering';
    });
  }

  /** Whether the process is idle and answers: an empty prompt is answered by nothing but the hint. */
  ping(msMax: number): Promise<void> {
    return this.#acknowledged(this.#emptyPrompt(), 'answer an empty prompt', msMax, 'ENGINE_UNRESPONSIVE');
  }

  /** Makes the process forget its conversation. */
  forget(): Promise<void> {
    const command = this.#options.endLine === null ? '%c\n' : `%c\n${this.#options.endLine}\n`;
    return this.#acknowledged(
      command + this.#emptyPrompt(),
      'forget the conversation',
      this.#options.silenceMsMax,
      'ENGINE_UNRESPONSIVE',
    );
  }

  /**
   * Asks for one answer.
   *
   * @param prompt - Complete lines for a process with an end line, one line without its end for one without; `null` for a
   *   process that has its prompt from its arguments.
   * @throws GemmaError `ENGINE_EXITED`, `ENGINE_FAILED`, `ENGINE_UNRESPONSIVE`, `ENGINE_PROTOCOL`, `CONTEXT_EXCEEDED`…
   */
  answer(prompt: string | null, { isLast, firstMsMax, promptTokens, onText }: AnswerOptions): Promise<TurnEnd> {
    const reader = createTurnReader({ sentinel: !isLast });
    this.#turnStderr = '';
    return this.#waitFor<TurnEnd>({
      what: 'answer',
      firstMsMax: (firstMsMax ?? this.#options.silenceMsMax) + promptTokens * promptMsPerToken,
      code: firstMsMax === undefined ? 'ENGINE_UNRESPONSIVE' : 'ENGINE_LOAD_TIMEOUT',
      begin: () => {
        if (prompt === null) return;
        const { endLine } = this.#options;
        const input = endLine === null ? `${prompt}\n` : `${prompt}${endLine}\n`;
        if (isLast) this.#child.stdin?.end(input);
        else this.#child.stdin?.write(input + this.#emptyPrompt());
      },
      onChunk: (chunk, settle) => {
        this.#stage = 'answering';
        const { text, tokens, state } = reader.write(chunk);
        if (text !== '') onText(text, tokens);
        if (reader.forgeries > forgeriesMax) throw this.#unexpected('an answer that ends', chunk);
        if (state === 'confirm') this.#child.stdin?.write(this.#emptyPrompt());
        if (state === 'over') settle(this.#turnEnd(reader));
      },
      onSoundEnd: !isLast
        ? null
        : (settle) => {
            const { text, tokens, whole } = reader.end();
            if (text !== '') onText(text, tokens);
            if (!whole) return false;
            settle(this.#turnEnd(reader));
            return true;
          },
    });
  }

  /** Gives the process up: whoever waits for it gets `error`, and it is killed. gemma.cpp handles no signal, so by force. */
  kill(error: GemmaError): void {
    this.#failure ??= error;
    this.#wait?.reject(this.#failure);
    this.#child.kill('SIGKILL');
  }

  #turnEnd(reader: TurnReader): TurnEnd {
    const warning = /prefill (\d+) \+ max_gen_steps \d+ > seq_len (\d+)/u.exec(this.#turnStderr);
    const promptTokens = Number(warning?.[1]);
    return {
      truncation: warning === null ? null : { promptTokens, answerTokensMax: Number(warning[2]) - promptTokens },
      forged: reader.forgeries > 0,
    };
  }

  #emptyPrompt(): string {
    return `${this.#options.endLine ?? ''}\n`;
  }

  #acknowledged(input: string, what: string, firstMsMax: number, code: ErrorCode): Promise<void> {
    let got = '';
    return this.#waitFor<undefined>({
      what,
      firstMsMax,
      code,
      begin: () => this.#child.stdin?.write(input),
      onChunk: (chunk, settle) => {
        got += chunk;
        if (got === emptyPromptHint) settle(undefined);
        else if (!emptyPromptHint.startsWith(got)) throw this.#unexpected(JSON.stringify(emptyPromptHint), got);
      },
      onSoundEnd: null,
    });
  }

  /** Waits for output, no longer than a deadline after the last sign of life. One wait at a time. */
  #waitFor<Result>({
    what,
    firstMsMax,
    code,
    begin,
    onChunk,
    onSoundEnd,
  }: {
    readonly what: string;
    readonly firstMsMax: number;
    /** The error when the first output is late; later silence is `ENGINE_UNRESPONSIVE`. */
    readonly code: ErrorCode;
    readonly begin: () => void;
    readonly onChunk: (chunk: string, settle: (result: Result) => void) => void;
    readonly onSoundEnd: ((settle: (result: Result) => void) => boolean) | null;
  }): Promise<Result> {
    if (this.ended) return Promise.reject(this.#failure ?? this.#exitError(null, null));
    return new Promise((resolve, reject) => {
      const { silenceMsMax } = this.#options;
      const onSilence = (isFirst: boolean, ms: number): void =>
        this.kill(
          new GemmaError({
            code: isFirst ? code : 'ENGINE_UNRESPONSIVE',
            message: `Expected gemma.cpp to ${what} and to give a sign of life within ${ms} ms. It was silent and was ended.`,
            facts: { what, silenceMsMax: ms },
          }),
        );
      let timer = setTimeout(onSilence, firstMsMax, true, firstMsMax);
      const leave = (): void => {
        clearTimeout(timer);
        this.#wait = undefined;
      };
      const settle = (result: Result): void => {
        leave();
        resolve(result);
      };
      const fail = (error: GemmaError): void => {
        leave();
        reject(error);
      };
      this.#wait = {
        onChunk: (chunk) => {
          clearTimeout(timer);
          timer = setTimeout(onSilence, silenceMsMax, false, silenceMsMax);
          onChunk(chunk, settle);
        },
        onSoundEnd:
          onSoundEnd === null
            ? null
            : () => {
                if (!onSoundEnd(settle)) fail(this.#exitError(0, null));
              },
        reject: fail,
      };
      begin();
    });
  }

  #receive(chunk: string): void {
    // What a lost process still says is of no interest.
    if (this.ended || chunk === '') return;
    try {
      // Output that nobody asked for: an answer went on behind what was taken for its end.
      if (this.#wait === undefined) throw this.#unexpected('nothing', chunk);
      this.#wait.onChunk(chunk);
    } catch (error) {
      this.kill(toGemmaError(error));
    }
  }

  #unexpected(expected: string, got: string): GemmaError {
    return new GemmaError({
      code: 'ENGINE_PROTOCOL',
      message: `Expected ${expected} from gemma.cpp, and got ${JSON.stringify(got.slice(0, 200))}. The process was ended; the next prompt gets a fresh one.`,
      facts: { got: got.slice(0, 200) },
    });
  }

  #end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const wait = this.#wait;
    if (this.#failure === undefined && exitCode === 0 && signal === null && wait?.onSoundEnd) {
      wait.onSoundEnd();
      return;
    }
    this.#failure ??= this.#exitError(exitCode, signal);
    wait?.reject(this.#failure);
  }

  #exitError(exitCode: number | null, signal: NodeJS.Signals | null): GemmaError {
    const { path, contextTokens } = this.#options;
    return exitError({ exitCode, signal, stderrTail: this.#stderrTail, stage: this.#stage, path, contextTokens });
  }
}
