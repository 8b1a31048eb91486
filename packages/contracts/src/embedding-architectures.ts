/** Architectures, as the header of a GGUF file names them, whose models give vectors in place of text. */
export const embeddingArchitectures: ReadonlySet<string> = new Set([
  'bert',
  'modern-bert',
  'nomic-bert',
  'nomic-bert-moe',
  'neo-bert',
  'jina-bert-v2',
  'jina-bert-v3',
  'eurobert',
  't5encoder',
  'gemma-embedding',
]);
