// . = ./dist/index.d.ts

// dist/app-event.d.ts
import type { EngineEvent, ImplementationName } from '@gemma-cli/contracts';
export interface AnswerEngine {
    readonly requested: ImplementationName;
    readonly active: ImplementationName;
    readonly reason?: string;
    readonly runtime: string;
}
export interface AnswerStart {
    readonly type: 'answer-start';
    readonly model: {
        readonly name: string;
        readonly path: string;
    };
    readonly mode: 'chat' | 'completion';
    readonly engine: AnswerEngine;
    readonly format?: 'json';
}
export type NoticeCode = 'COMPLETION_MODE' | 'ENGINE_FALLBACK' | 'PROMPT_TRIMMED' | 'ANSWER_CUT';
export interface Notice {
    readonly type: 'notice';
    readonly code: NoticeCode;
    readonly message: string;
}
export type AppEvent = AnswerStart | Notice | EngineEvent;

// dist/choose-model.d.ts
export interface AppModel {
    readonly name: string;
    readonly path: string;
    readonly chat: boolean;
    readonly format: 'gguf' | 'sbs';
    readonly embedding: boolean;
    readonly sha256?: string | null;
    readonly changed?: boolean;
    readonly problem: string | null;
}
export interface ModelSource {
    find(reference: string): Promise<AppModel | undefined>;
    list(): Promise<readonly AppModel[]>;
}
export declare function chooseModel(models: ModelSource, reference: string): Promise<AppModel>;

// dist/client.d.ts
import type { ChatMessage, OutputFormat, Sampling } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';
import type { PromptTemplate } from './prompt-template.ts';
export interface AnswerOptions {
    readonly sampling?: Sampling | undefined;
    readonly maxTokens?: number | undefined;
    readonly stop?: readonly string[] | undefined;
    readonly reproducible?: boolean | undefined;
    readonly contextTokens?: number | undefined;
    readonly onContextOverflow?: 'refuse' | 'trim' | undefined;
    readonly format?: OutputFormat | undefined;
    readonly describeFormat?: boolean | undefined;
    readonly logprobs?: number | undefined;
    readonly speculation?: AnswerSpeculation | undefined;
}
export type AnswerSpeculation = {
    readonly type: 'prompt-lookup';
} | {
    readonly type: 'draft';
    readonly model: string;
};
export interface PromptParts {
    readonly input?: string | undefined;
    readonly files?: readonly string[] | undefined;
    readonly text?: string | undefined;
}
export interface AskRequest {
    readonly prompt: string | PromptParts;
    readonly template?: PromptTemplate | undefined;
    readonly system?: string | undefined;
    readonly model?: string | undefined;
    readonly options?: AnswerOptions | undefined;
}
export type SessionOptions = Omit<AskRequest, 'prompt'>;
export interface SessionMessage extends ChatMessage {
    readonly partial?: true;
}
export interface OperationOptions {
    readonly signal?: AbortSignal | undefined;
}
export interface RetryOptions extends OperationOptions {
    readonly text?: string | undefined;
    readonly seed?: number | undefined;
}
export interface ChatSession {
    readonly messages: readonly SessionMessage[];
    readonly system: string | undefined;
    readonly model: string;
    readonly options: AnswerOptions;
    send(text: string, options?: OperationOptions): AsyncIterable<AppEvent>;
    retry(options?: RetryOptions): AsyncIterable<AppEvent>;
    undo(): readonly SessionMessage[];
    restore(messages: readonly SessionMessage[]): void;
    clear(): void;
    setSystem(system: string | undefined): void;
    setModel(model: string): void;
    setOptions(options: AnswerOptions): void;
}
export interface PrepareOptions extends OperationOptions {
    readonly model?: string | undefined;
    readonly options?: AnswerOptions | undefined;
}
export interface PreparedModel {
    readonly name: string;
    readonly path: string;
    readonly mode: 'chat' | 'completion';
    readonly contextTokens: number | null;
}
export interface Client extends AsyncDisposable {
    ask(request: AskRequest, options?: OperationOptions): AsyncIterable<AppEvent>;
    openSession(options?: SessionOptions): ChatSession;
    prepare(options?: PrepareOptions): Promise<PreparedModel>;
    close(): Promise<void>;
}

// dist/create-app.d.ts
import { type Engine, type Resolution } from '@gemma-cli/contracts';
import { type ModelSource } from './choose-model.ts';
import type { AnswerOptions, Client } from './client.ts';
export interface AppDefaults {
    readonly model?: string | undefined;
    readonly system?: string | undefined;
    readonly options?: AnswerOptions | undefined;
}
export interface AppEngine {
    readonly engine: Engine;
    readonly resolution: Resolution;
}
export interface AppOptions {
    readonly engine: () => Promise<AppEngine>;
    readonly models: ModelSource;
    readonly defaults?: AppDefaults | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export type App = Client;
export declare function createApp({ engine, models, defaults, log }: AppOptions): App;

// dist/index.d.ts
export { createApp } from './create-app.ts';
export type { App, AppDefaults, AppEngine, AppOptions } from './create-app.ts';
export type { AnswerEngine, AnswerStart, AppEvent, Notice, NoticeCode } from './app-event.ts';
export type { AnswerOptions, AnswerSpeculation, AskRequest, ChatSession, Client, OperationOptions, PreparedModel, PrepareOptions, PromptParts, RetryOptions, SessionMessage, SessionOptions, } from './client.ts';
export { chooseModel } from './choose-model.ts';
export type { AppModel, ModelSource } from './choose-model.ts';
export { readSchema } from './read-schema.ts';
export type { ReadSchemaOptions } from './read-schema.ts';
export { fillPromptTemplate, fillTemplate, inputVariable, templateVariables } from './prompt-template.ts';
export type { PromptTemplate } from './prompt-template.ts';
export { sendable } from './sendable.ts';

// dist/prompt-template.d.ts
export interface PromptTemplate {
    readonly text: string;
    readonly values?: Readonly<Record<string, string>> | undefined;
}
export declare const inputVariable = "input";
export declare function templateVariables(text: string): readonly string[];
export declare function fillTemplate(text: string, values: Readonly<Record<string, string>>): string;
export declare function fillPromptTemplate({ text, values }: PromptTemplate, input: string | undefined): string;

// dist/read-schema.d.ts
export interface ReadSchemaOptions {
    readonly list?: boolean | undefined;
}
export declare function readSchema(text: string, { list }?: ReadSchemaOptions): unknown;

// dist/sendable.d.ts
export declare function sendable(content: string): string;
