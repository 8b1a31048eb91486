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
}
export type NoticeCode = 'COMPLETION_MODE' | 'ENGINE_FALLBACK' | 'PROMPT_TRIMMED';
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
    readonly problem: string | null;
}
export interface ModelSource {
    find(reference: string): Promise<AppModel | undefined>;
    list(): Promise<readonly AppModel[]>;
}
export declare function chooseModel(models: ModelSource, reference: string): Promise<AppModel>;

// dist/client.d.ts
import type { ChatMessage, Sampling } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';
export interface AnswerOptions {
    readonly sampling?: Sampling | undefined;
    readonly maxTokens?: number | undefined;
    readonly stop?: readonly string[] | undefined;
    readonly reproducible?: boolean | undefined;
    readonly contextTokens?: number | undefined;
    readonly onContextOverflow?: 'refuse' | 'trim' | undefined;
}
export interface PromptParts {
    readonly input?: string | undefined;
    readonly files?: readonly string[] | undefined;
    readonly text?: string | undefined;
}
export interface AskRequest {
    readonly prompt: string | PromptParts;
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
export interface ChatSession {
    readonly messages: readonly SessionMessage[];
    send(text: string, options?: OperationOptions): AsyncIterable<AppEvent>;
    clear(): void;
    setSystem(system: string | undefined): void;
    setModel(model: string): void;
    setOptions(options: AnswerOptions): void;
}
export interface Client extends AsyncDisposable {
    ask(request: AskRequest, options?: OperationOptions): AsyncIterable<AppEvent>;
    openSession(options?: SessionOptions): ChatSession;
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
export type { AnswerOptions, AskRequest, ChatSession, Client, OperationOptions, PromptParts, SessionMessage, SessionOptions, } from './client.ts';
export { chooseModel } from './choose-model.ts';
export type { AppModel, ModelSource } from './choose-model.ts';
