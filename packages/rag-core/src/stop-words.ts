/**
 * English words that say how a sentence is made, not what it is about: Lucene's 33, what questions are made of, and
 * pronouns. `us` and `may` are not among them: they are also a country and a month. Questions are what a memory is asked, and most of their words are of this kind: docs/ranking.md has what each
 * group is worth.
 */
const english = [
  'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with',
  'what which who whom whose when where why how about from',
  'do does did done has have had been being am were can could should would might must shall',
  'i me my we our ours you your yours he him his she her hers its them theirs myself himself',
]
  .join(' ')
  .split(' ');

/** Lists of other languages, loaded when they are needed. */
const others = {
  ar: async () => (await import('@orama/stopwords/arabic')).stopwords,
  bg: async () => (await import('@orama/stopwords/bulgarian')).stopwords,
  da: async () => (await import('@orama/stopwords/danish')).stopwords,
  de: async () => (await import('@orama/stopwords/german')).stopwords,
  el: async () => (await import('@orama/stopwords/greek')).stopwords,
  es: async () => (await import('@orama/stopwords/spanish')).stopwords,
  fi: async () => (await import('@orama/stopwords/finnish')).stopwords,
  fr: async () => (await import('@orama/stopwords/french')).stopwords,
  ga: async () => (await import('@orama/stopwords/irish')).stopwords,
  hi: async () => (await import('@orama/stopwords/indian')).stopwords,
  hu: async () => (await import('@orama/stopwords/hungarian')).stopwords,
  hy: async () => (await import('@orama/stopwords/armenian')).stopwords,
  id: async () => (await import('@orama/stopwords/indonesian')).stopwords,
  it: async () => (await import('@orama/stopwords/italian')).stopwords,
  ja: async () => (await import('@orama/stopwords/japanese')).stopwords,
  lt: async () => (await import('@orama/stopwords/lithuanian')).stopwords,
  ne: async () => (await import('@orama/stopwords/nepali')).stopwords,
  nl: async () => (await import('@orama/stopwords/dutch')).stopwords,
  no: async () => (await import('@orama/stopwords/norwegian')).stopwords,
  pt: async () => (await import('@orama/stopwords/portuguese')).stopwords,
  ro: async () => (await import('@orama/stopwords/romanian')).stopwords,
  ru: async () => (await import('@orama/stopwords/russian')).stopwords,
  sr: async () => (await import('@orama/stopwords/serbian')).stopwords,
  sv: async () => (await import('@orama/stopwords/swedish')).stopwords,
  ta: async () => (await import('@orama/stopwords/tamil')).stopwords,
  tr: async () => (await import('@orama/stopwords/turkish')).stopwords,
  uk: async () => (await import('@orama/stopwords/ukrainian')).stopwords,
  zh: async () => (await import('@orama/stopwords/mandarin')).stopwords,
} as const satisfies Readonly<Record<string, () => Promise<readonly string[]>>>;

/** Words that nearly every text of a language has; none for languages without a list. */
export async function loadStopWords(language: string): Promise<readonly string[]> {
  if (language === 'en') return english;
  return Object.hasOwn(others, language) ? others[language as keyof typeof others]() : [];
}
