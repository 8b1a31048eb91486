// . = ./dist/index.d.ts
// ./memory = ./dist/memory/index.d.ts

// dist/app-event.d.ts
import type { EngineEvent, ImplementationName } from '@gemma-cli/contracts';
import type { Citation, Passage } from './passages.ts';
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
export type NoticeCode = 'COMPLETION_MODE' | 'ENGINE_FALLBACK' | 'PROMPT_TRIMMED' | 'ANSWER_CUT' | 'MEMORY_SKIPPED';
export interface Notice {
    readonly type: 'notice';
    readonly code: NoticeCode;
    readonly message: string;
}
export interface PassagesFound {
    readonly type: 'passages';
    readonly passages: readonly Passage[];
}
export interface CitationsAttached {
    readonly type: 'citations';
    readonly citations: readonly Citation[];
}
export type AppEvent = AnswerStart | Notice | PassagesFound | CitationsAttached | EngineEvent;

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
import type { RagMode } from './passages.ts';
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
    readonly rag?: RagMode | undefined;
}
export interface SessionOptions extends Omit<AskRequest, 'prompt'> {
    readonly remember?: boolean | undefined;
}
export interface SessionMessage extends ChatMessage {
    readonly partial?: true;
    readonly context?: string;
}
export interface OperationOptions {
    readonly signal?: AbortSignal | undefined;
}
export interface RetryOptions extends OperationOptions {
    readonly text?: string | undefined;
    readonly seed?: number | undefined;
}
export interface ChatSession {
    readonly id: string;
    readonly remembers: boolean;
    readonly messages: readonly SessionMessage[];
    readonly system: string | undefined;
    readonly model: string;
    readonly rag: RagMode | undefined;
    readonly options: AnswerOptions;
    send(text: string, options?: OperationOptions): AsyncIterable<AppEvent>;
    retry(options?: RetryOptions): AsyncIterable<AppEvent>;
    undo(): readonly SessionMessage[];
    restore(messages: readonly SessionMessage[]): void;
    clear(): void;
    setSystem(system: string | undefined): void;
    setModel(model: string): void;
    setRag(rag: RagMode): void;
    setOptions(options: AnswerOptions): void;
    setRemember(remember: boolean): void;
    forgetRemembered(): Promise<number>;
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

// dist/conversation-memory.d.ts
export interface Utterance {
    readonly writer: 'user' | 'model';
    readonly text: string;
}
export interface ConversationMemory {
    add(session: string, said: readonly Utterance[]): Promise<readonly string[]>;
    forget(ids: readonly string[]): Promise<number>;
    close(): Promise<void>;
}

// dist/create-app.d.ts
import { type Engine, type Resolution } from '@gemma-cli/contracts';
import { type ModelSource } from './choose-model.ts';
import type { AnswerOptions, Client } from './client.ts';
import type { ConversationMemory } from './conversation-memory.ts';
import type { RagMode, Retrieval } from './passages.ts';
export interface AppDefaults {
    readonly model?: string | undefined;
    readonly system?: string | undefined;
    readonly options?: AnswerOptions | undefined;
    readonly rag?: RagMode | undefined;
}
export interface AppEngine {
    readonly engine: Engine;
    readonly resolution: Resolution;
}
export interface AppOptions {
    readonly engine: () => Promise<AppEngine>;
    readonly models: ModelSource;
    readonly defaults?: AppDefaults | undefined;
    readonly retrieval?: (() => Promise<Retrieval | null>) | undefined;
    readonly conversations?: (() => Promise<ConversationMemory>) | undefined;
    readonly newId?: (() => string) | undefined;
    readonly warn?: ((message: string) => void) | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export type App = Client;
export declare function createApp({ engine, models, defaults, retrieval, conversations, newId, warn, log, }: AppOptions): App;

// dist/index.d.ts
export { createApp } from './create-app.ts';
export type { Citation, Passage, RagMode, Retrieval, RetrievalOptions } from './passages.ts';
export type { ConversationMemory, Utterance } from './conversation-memory.ts';
export type { App, AppDefaults, AppEngine, AppOptions } from './create-app.ts';
export type { AnswerEngine, AnswerStart, AppEvent, CitationsAttached, Notice, NoticeCode, PassagesFound, } from './app-event.ts';
export type { AnswerOptions, AnswerSpeculation, AskRequest, ChatSession, Client, OperationOptions, PreparedModel, PrepareOptions, PromptParts, RetryOptions, SessionMessage, SessionOptions, } from './client.ts';
export { chooseModel } from './choose-model.ts';
export type { AppModel, ModelSource } from './choose-model.ts';
export { readSchema } from './read-schema.ts';
export type { ReadSchemaOptions } from './read-schema.ts';
export { fillPromptTemplate, fillTemplate, inputVariable, templateVariables } from './prompt-template.ts';
export type { PromptTemplate } from './prompt-template.ts';
export { sendable } from './sendable.ts';

// dist/memory/attach-citations.d.ts
import type { Citation, Passage } from '../passages.ts';
import { type SourceState } from './read-source.ts';
export interface CitationOptions {
    readonly language?: string | undefined;
    readonly question?: string | undefined;
    readonly readSource?: ((uri: string) => Promise<SourceState>) | undefined;
}
export declare function attachCitations(answer: string, passages: readonly Passage[], { language, question, readSource: read }?: CitationOptions): Promise<readonly Citation[]>;

// dist/memory/audit-memory.d.ts
import type { MemoryStore } from '@gemma-cli/contracts';
import { type SourceState } from './read-source.ts';
export interface ExactDuplicates {
    readonly ids: readonly string[];
    readonly text: string;
}
export interface NearDuplicates {
    readonly ids: readonly [
        string,
        string
    ];
    readonly similarity: number;
    readonly texts: readonly [
        string,
        string
    ];
}
export interface NeverRecalled {
    readonly id: string;
    readonly createdAt: number;
    readonly text: string;
}
export interface StaleSource {
    readonly uri: string;
    readonly state: 'changed' | 'gone';
    readonly hash: string;
    readonly hashNow: string | null;
    readonly chunks: number;
}
export interface RecallLoop {
    readonly rows: readonly {
        readonly id: string;
        readonly createdAt: number;
        readonly writer: string | null;
        readonly accessCount: number;
        readonly text: string;
    }[];
}
export interface MemoryAudit {
    readonly exactDuplicates: readonly ExactDuplicates[];
    readonly nearDuplicates: readonly NearDuplicates[];
    readonly neverRecalled: readonly NeverRecalled[];
    readonly staleSources: readonly StaleSource[];
    readonly recallLoops: readonly RecallLoop[];
    readonly rows: number;
}
export interface AuditOptions {
    readonly language?: string | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly readSource?: ((uri: string) => Promise<SourceState>) | undefined;
}
export declare function auditMemory(memory: MemoryStore, { language, signal, readSource: read }?: AuditOptions): Promise<MemoryAudit>;

// dist/memory/check-support.d.ts
import { type Statement } from './read-statement.ts';
export declare const supportMin = 0.6;
export declare function shareOf({ content }: Pick<Statement, 'content'>, quote: Statement): number;
export declare function isSupport(sentence: Statement, quote: Statement): boolean;

// dist/memory/create-conversation-memory.d.ts
import type { MemoryStore } from '@gemma-cli/contracts';
import type { ConversationMemory } from '../conversation-memory.ts';
export declare const chatTag = "chat";
export declare function createConversationMemory({ memory }: {
    readonly memory: MemoryStore;
}): ConversationMemory;

// dist/memory/create-retrieval.d.ts
import { type MemoryStore } from '@gemma-cli/contracts';
import type { Retrieval } from '../passages.ts';
export interface RetrievalParts {
    readonly memory: MemoryStore;
    readonly language?: string | undefined;
    readonly tokensMax?: number | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export declare function createRetrieval({ memory, language, tokensMax: defaultTokensMax, log, }: RetrievalParts): Retrieval;

// dist/memory/find-passages.d.ts
import type { MemoryStore, SearchHit } from '@gemma-cli/contracts';
import { type Analyzer } from '@gemma-cli/rag-core';
import type { Passage, RagMode } from '../passages.ts';
import { type Relevance } from './relevance-gate.ts';
export interface FindPassagesOptions {
    readonly mode: Exclude<RagMode, 'off'>;
    readonly tokensMax: number;
    readonly session?: string | undefined;
    readonly language: string;
    readonly signal?: AbortSignal | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export declare function findPassages(memory: MemoryStore, question: string, { mode, tokensMax, session, language, signal, log }: FindPassagesOptions): Promise<readonly Passage[]>;
export declare function relevanceOf(memory: MemoryStore, { query, hits, analyzer, }: {
    readonly query: string;
    readonly hits: readonly SearchHit[];
    readonly analyzer: Analyzer;
}): Promise<{
    readonly relevances: readonly Relevance[];
    readonly terms: number;
}>;

// dist/memory/index.d.ts
export { ingestDocuments, watchIntoMemory } from './ingest-documents.ts';
export type { IngestDocumentsOptions, IngestOperationEvent, IngestReadBack, IngestResult, SkippedDocument, WatchOperationEvent, } from './ingest-documents.ts';
export { auditMemory } from './audit-memory.ts';
export type { AuditOptions, ExactDuplicates, MemoryAudit, NearDuplicates, NeverRecalled, RecallLoop, StaleSource, } from './audit-memory.ts';
export { readSource } from './read-source.ts';
export type { SourceNow, SourceState } from './read-source.ts';
export { attachCitations } from './attach-citations.ts';
export type { CitationOptions } from './attach-citations.ts';
export { supportMin } from './check-support.ts';
export { chatTag, createConversationMemory } from './create-conversation-memory.ts';
export { createRetrieval } from './create-retrieval.ts';
export type { RetrievalParts } from './create-retrieval.ts';
export { findPassages, relevanceOf } from './find-passages.ts';
export type { FindPassagesOptions } from './find-passages.ts';
export { measureRelevance, passGate, relevanceGate } from './relevance-gate.ts';
export type { Relevance, WeighedTerm } from './relevance-gate.ts';
export { renderPassages } from './render-passages.ts';
export { shadowMemory } from './shadow-memory.ts';
export type { ShadowedMemory, ShadowOptions, ShadowStats } from './shadow-memory.ts';

// dist/memory/ingest-documents.d.ts
import { type ErrorCode, type MemoryStore } from '@gemma-cli/contracts';
import { type IngestProgress, type ReadDocumentsOptions, type WatchDocumentsOptions } from '@gemma-cli/ingest';
export interface SkippedDocument {
    readonly path: string;
    readonly code: ErrorCode;
    readonly reason: string;
}
export interface IngestResult {
    readonly documents: number;
    readonly chunks: number;
    readonly unchanged: number;
    readonly removed: number;
    readonly skipped: readonly SkippedDocument[];
    readonly bytes: number;
    readonly tookMs: number;
}
export interface IngestReadBack {
    readonly documents: number;
    readonly chunks: number;
}
export type IngestOperationEvent = IngestProgress | {
    readonly type: 'stored';
    readonly uri: string;
    readonly chunks: number;
    readonly replaced: boolean;
} | ({
    readonly type: 'skipped';
} & SkippedDocument) | {
    readonly type: 'removed';
    readonly uris: readonly string[];
} | {
    readonly type: 'ingest-end';
    readonly result: IngestResult;
    readonly readBack: IngestReadBack;
};
export interface IngestDocumentsOptions extends Omit<ReadDocumentsOptions, 'known'> {
    readonly writer?: string | undefined;
    readonly monotonicNow?: (() => number) | undefined;
}
export declare function ingestDocuments(memory: MemoryStore, inputs: readonly string[], options: IngestDocumentsOptions): AsyncGenerator<IngestOperationEvent, void, undefined>;
export type WatchOperationEvent = IngestOperationEvent | {
    readonly type: 'ready';
    readonly files: number;
};
export declare function watchIntoMemory(memory: MemoryStore, inputs: readonly string[], options: Omit<IngestDocumentsOptions, 'stdin' | 'allowUrls' | 'privateOrigins'> & Pick<WatchDocumentsOptions, 'settleMs' | 'pollMs'>): AsyncGenerator<WatchOperationEvent, void, undefined>;

// dist/memory/ordered-clauses.d.ts
export interface ClauseWord {
    readonly text: string;
    readonly terms: readonly string[];
    readonly endsClause: boolean;
}
export declare function orderedClauses(words: readonly ClauseWord[]): readonly (readonly string[])[];
export declare function splitClauses<Word extends ClauseWord>(words: readonly Word[]): readonly (readonly Word[])[];
export declare const conjunctions: ReadonlySet<string>;
export declare const directions: ReadonlySet<string>;

// dist/memory/read-source.d.ts
export interface SourceNow {
    readonly hash: string;
    contains(quote: string): Promise<boolean>;
}
export type SourceState = SourceNow | 'gone' | 'unknown';
export declare function readSource(uri: string): Promise<SourceState>;

// dist/memory/read-statement.d.ts
import type { Analyzer } from '@gemma-cli/rag-core';
import { type ClauseWord } from './ordered-clauses.ts';
export interface Statement {
    readonly words: readonly Word[];
    readonly terms: ReadonlySet<string>;
    readonly content: ReadonlySet<string>;
    readonly denials: readonly ReadonlySet<string>[];
    readonly text: string;
    readonly codes: readonly string[];
    readonly clauses: readonly (readonly string[])[];
}
export interface Word extends ClauseWord {
    readonly isName: boolean;
    readonly isNegation: boolean;
    readonly number: string | undefined;
}
export declare function readStatement(text: string, analyzer: Analyzer): Statement;
export declare function joinStatements(statements: readonly Statement[]): Statement;
export declare function isContent({ terms }: Word): boolean;

// dist/memory/relevance-gate.d.ts
export declare const relevanceGate: {
    readonly shareMin: 0.45;
    readonly termsMin: 3;
    readonly beside: 0.6;
};
export declare const statementGate: {
    readonly beside: 0.6;
    readonly shareMin: 0.6;
    readonly termsMin: 2;
};
export declare const agreedGate: {
    readonly beside: 0.6;
    readonly shareMin: 0.35;
    readonly termsMin: 2;
};
export declare function nearestRows(vectors: number): number;
export interface WeighedTerm {
    readonly term: string;
    readonly documentFrequency: number;
}
export interface Relevance {
    readonly share: number;
    readonly terms: number;
}
export declare function measureRelevance(question: readonly WeighedTerm[], passages: readonly ReadonlySet<string>[], rows: number): readonly Relevance[];
export declare function passGate(relevances: readonly Relevance[], questionTerms: number, { shareMin, termsMin, beside }?: Readonly<Record<keyof typeof relevanceGate, number>>): readonly boolean[];

// dist/memory/render-passages.d.ts
import type { Passage } from '../passages.ts';
export declare function renderPassages(passages: readonly Passage[], mode: 'chat' | 'completion'): string;
export declare function renderPassage({ n, uri, title, text, session }: Passage): string;

// dist/memory/shadow-memory.d.ts
import type { ImplementationName, MemoryStats, MemoryStore } from '@gemma-cli/contracts';
export interface ShadowOptions {
    readonly share: number;
    readonly openOther: () => Promise<MemoryStore>;
    readonly random?: (() => number) | undefined;
    readonly clock?: (() => number) | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export interface ShadowStats {
    readonly implementation: ImplementationName | null;
    readonly compared: number;
    readonly differences: {
        readonly ids: number;
        readonly order: number;
        readonly scores: number;
    };
    readonly timed: number;
    readonly slower: number;
    readonly tookMs: number;
    readonly otherTookMs: number;
    readonly left: {
        readonly inexact: number;
        readonly changed: number;
        readonly tooMany: number;
        readonly failed: number;
        readonly tooLate: number;
    };
}
export interface ShadowedMemory extends MemoryStore {
    stats(): Promise<MemoryStats & {
        readonly shadow: ShadowStats;
    }>;
}
export declare function shadowMemory(memory: MemoryStore, { share, openOther, random, clock, log }: ShadowOptions): ShadowedMemory;

// dist/passages.d.ts
import type { RowKind } from '@gemma-cli/contracts';
export type RagMode = 'auto' | 'on' | 'off';
export interface Passage {
    readonly n: number;
    readonly id: string;
    readonly kind: RowKind;
    readonly uri: string;
    readonly hash: string | null;
    readonly start: number;
    readonly end: number;
    readonly title: string | null;
    readonly text: string;
    readonly session?: string;
}
export interface Citation {
    readonly n: number;
    readonly sentence: string;
    readonly id: string | null;
    readonly uri: string | null;
    readonly start: number | null;
    readonly end: number | null;
    readonly quote: string | null;
    readonly checked: boolean;
    readonly producedBy: 'attached';
    readonly stale: boolean;
}
export interface Retrieval {
    passages(question: string, options: RetrievalOptions): Promise<readonly Passage[]>;
    render(passages: readonly Passage[], mode: 'chat' | 'completion'): string;
    cite(answer: string, passages: readonly Passage[], question: string): Promise<readonly Citation[]>;
    close(): Promise<void>;
}
export interface RetrievalOptions {
    readonly mode: Exclude<RagMode, 'off'>;
    readonly tokensMax?: number | undefined;
    readonly session?: string | undefined;
    readonly signal?: AbortSignal | undefined;
}

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
