import { GemmaError } from '@gemma-cli/contracts';

/** The error for a model that was made for other work: says what to use in its place. */
export function wrongModel(
  purpose: 'embed' | 'rank',
  { name, architecture, cause }: { readonly name: string; readonly architecture: string; readonly cause?: unknown },
): GemmaError {
  const message =
    purpose === 'embed'
      ? `${name} (${architecture}) is not an embedding model: its vectors would not tell related texts from others. Use one that was trained for it, for example embeddinggemma:300m (\`gemma pull embeddinggemma:300m\`).`
      : `${name} (${architecture}) is not a ranking model: it has no head that scores a question with a passage. Use a reranker such as bge-reranker-v2-m3, or compare vectors of an embedding model.`;
  const capability = purpose === 'embed' ? 'embeddings' : 'ranking';
  return new GemmaError({
    code: 'OPTION_UNSUPPORTED',
    message,
    facts: { capability, model: name, architecture },
    cause,
  });
}
