export { createApp } from './create-app.ts';
export type { Citation, Passage, RagMode, Retrieval, RetrievalOptions } from './passages.ts';
export type { ConversationMemory, Utterance } from './conversation-memory.ts';
export type { App, AppDefaults, AppEngine, AppOptions } from './create-app.ts';
export type {
  AnswerEngine,
  AnswerStart,
  AppEvent,
  CitationsAttached,
  Notice,
  NoticeCode,
  PassagesFound,
} from './app-event.ts';
export type {
  AnswerOptions,
  AnswerSpeculation,
  AskRequest,
  ChatSession,
  Client,
  OperationOptions,
  PreparedModel,
  PrepareOptions,
  PromptParts,
  RetryOptions,
  SessionMessage,
  SessionOptions,
} from './client.ts';
export { chooseModel } from './choose-model.ts';
export type { AppModel, ModelSource } from './choose-model.ts';
export { readSchema } from './read-schema.ts';
export type { ReadSchemaOptions } from './read-schema.ts';
export { fillPromptTemplate, fillTemplate, inputVariable, templateVariables } from './prompt-template.ts';
export type { PromptTemplate } from './prompt-template.ts';
export { sendable } from './sendable.ts';
