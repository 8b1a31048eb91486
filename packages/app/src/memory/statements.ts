/**
 * The sentences of a text that state something. A question is told by its mark, and in English by its first word where the
 * mark was left out; a request to the model by its first word, in English alone: there is no telling without a grammar.
 */
export function statementsOf(text: string, language: string): readonly string[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' });
  return text
    .split(/\n+/)
    .flatMap((line) => [...segmenter.segment(line)].map(({ segment }) => segment.trim()))
    .filter((sentence) => sentence !== '' && !isQuestion(sentence) && !(language === 'en' && isRequest(sentence)));
}

/** By its mark, in whatever script; quotes and brackets may stand behind it. */
function isQuestion(sentence: string): boolean {
  return /[?？؟՞][\p{Pe}\p{Pf}"'\s!]*$/u.test(sentence);
}

function isRequest(sentence: string): boolean {
  const first = /^[^\p{L}]*(?:(?:and|now|ok|okay|so|then|please|hi|hello|hey)[,\s]+)*([\p{L}']+)/iu.exec(sentence)?.[1];
  return first !== undefined && requestWords.has(first.toLowerCase());
}

/** First words of what is asked of a model, and of questions without their mark. */
const requestWords: ReadonlySet<string> = new Set(
  (
    'are brainstorm calculate can check clarify classify code compare complete compose compute continue ' +
    'convert correct could count create debug define describe design did do does draft draw edit elaborate ' +
    'estimate evaluate explain expand extract fill find finish fix format generate give help how identify ' +
    'imagine implement improve is list make name outline pick plan please produce propose prove provide quiz ' +
    'rank rate recommend refactor rephrase replace rewrite shorten should show simplify solve sort spell ' +
    'suggest summarise summarize tell translate was were what which who whose why would write'
  ).split(' '),
);
