/** What is known of a family of embedding models: what its documentation asks for, and what it was trained for. */
export interface EmbeddingFamily {
  /** As the family calls itself, for messages and documents. */
  readonly name: string;
  /** Put before a question; the empty text = nothing. */
  readonly queryPrefix: string;
  /** Put before a passage; the empty text = nothing. */
  readonly documentPrefix: string;
  /** Lengths that a vector may be cut to (Matryoshka training), the full one aside. Empty = none. */
  readonly shorterDimensions: readonly number[];
}

interface FamilyRule extends EmbeddingFamily {
  /** Architecture in the header of the model file that settles the question by itself. */
  readonly architecture?: string;
  /** Found in the name of the model or its file. */
  readonly named: RegExp;
}

const searchInstruction = 'Represent this sentence for searching relevant passages: ';
const webSearchTask = 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ';

/**
 * The families, the first that fits is taken. A wrong prefix costs more quality than a smaller model: each is that of the
 * model's own card. The README of `@gemma-cli/engine` shows this table, and a test compares the two.
 */
const families: readonly FamilyRule[] = [
  {
    name: 'EmbeddingGemma',
    architecture: 'gemma-embedding',
    named: /embedding-?gemma/i,
    queryPrefix: 'task: search result | query: ',
    documentPrefix: 'title: none | text: ',
    shorterDimensions: [512, 256, 128],
  },
  {
    name: 'nomic-embed-text v2',
    architecture: 'nomic-bert-moe',
    named: /nomic-embed-text-v2/i,
    queryPrefix: 'search_query: ',
    documentPrefix: 'search_document: ',
    shorterDimensions: [256],
  },
  {
    name: 'nomic-embed-text v1.5',
    named: /nomic-embed-text-v1\.5/i,
    queryPrefix: 'search_query: ',
    documentPrefix: 'search_document: ',
    shorterDimensions: [512, 256, 128, 64],
  },
  {
    name: 'nomic-embed-text',
    architecture: 'nomic-bert',
    named: /nomic-embed/i,
    queryPrefix: 'search_query: ',
    documentPrefix: 'search_document: ',
    shorterDimensions: [],
  },
  {
    name: 'E5 instruct',
    named: /\be5\b.*(instruct|mistral)/i,
    queryPrefix: webSearchTask,
    documentPrefix: '',
    shorterDimensions: [],
  },
  { name: 'E5', named: /\be5\b/i, queryPrefix: 'query: ', documentPrefix: 'passage: ', shorterDimensions: [] },
  { name: 'BGE-M3', named: /\bbge-m3\b/i, queryPrefix: '', documentPrefix: '', shorterDimensions: [] },
  { name: 'BGE', named: /\bbge\b/i, queryPrefix: searchInstruction, documentPrefix: '', shorterDimensions: [] },
  {
    name: 'Arctic Embed v2',
    named: /arctic-embed.*v2/i,
    queryPrefix: 'query: ',
    documentPrefix: '',
    shorterDimensions: [256],
  },
  {
    name: 'Arctic Embed',
    named: /arctic-embed/i,
    queryPrefix: searchInstruction,
    documentPrefix: '',
    shorterDimensions: [],
  },
  {
    name: 'Qwen3 Embedding',
    named: /qwen3-embedding/i,
    queryPrefix: webSearchTask,
    documentPrefix: '',
    shorterDimensions: [],
  },
  { name: 'MiniLM', named: /minilm/i, queryPrefix: '', documentPrefix: '', shorterDimensions: [] },
];

const unknownFamily: EmbeddingFamily = {
  name: 'any other',
  queryPrefix: '',
  documentPrefix: '',
  shorterDimensions: [],
};

/** The rows of the table, the one for a model that is not in it last. */
export const embeddingFamilies: readonly EmbeddingFamily[] = [...families, unknownFamily].map(
  ({ name, queryPrefix, documentPrefix, shorterDimensions }) => ({
    name,
    queryPrefix,
    documentPrefix,
    shorterDimensions,
  }),
);

/** The family of a model, by the architecture in its header or by its names. */
export function embeddingFamilyOf(architecture: string, names: readonly string[]): EmbeddingFamily {
  // `_` counts as a letter for `\b`.
  const spelled = names.map((name) => name.replaceAll('_', '-'));
  return (
    families.find(
      (rule) =>
        (rule.architecture !== undefined && rule.architecture === architecture) ||
        spelled.some((name) => rule.named.test(name)),
    ) ?? unknownFamily
  );
}
