import type { Statement } from './read-statement.ts';

/** So many words of its own a sentence needs to say something, unless one is a name or a number. */
const ownWordsMin = 2;

/**
 * Whether a sentence of an answer speaks of the answer and not of a subject: `This is a good question about the memory.` It is
 * told by how it is put, in English alone, and has little else: less than two words that are neither of such talk nor asked.
 * One that is put like advice may say what was asked, `You can use it offline.`, and has to have nothing else at all.
 *
 * @param asked - Terms of the question.
 */
export function isAside({ text, words }: Statement, asked: ReadonlySet<string>): boolean {
  const rest = text.trim().replace(lead, '');
  const own = words.filter(({ text: word, terms }) => terms.length > 0 && !talkWords.has(word));
  if (rest !== '' && !talk.some((form) => form.test(rest)))
    return advice.test(rest) && own.length === 0 && !words.some(({ isNegation }) => isNegation);
  const unasked = own.filter(({ terms }) => !terms.every((term) => asked.has(term)));
  return unasked.length < ownWordsMin && !unasked.some(({ isName, number }) => isName || number !== undefined);
}

/** What may stand before anything. */
const lead =
  /^(?:(?:sure|certainly|absolutely|yes|no|okay|ok|well|great|of course|in (?:summary|conclusion|short|general))[,.!:]*(?:\s+|$))+/u;

/** How advice is put, in lower case: `please see the documents`. */
const advice = /^(?:we|please|you (?:can|may|should))\b/u;

/** How such sentences are put, in lower case. */
const talk: readonly RegExp[] = [
  /^(?:i|i['’](?:m|ll|ve|d)|let me|let us|let['’]s|feel free|to (?:answer|sum|explain))\b/u,
  /^(?:here(?:['’]s| is| are)|there (?:is|are) (?:more|much|many|several|a lot))\b/u,
  /^(?:this|that|it)(?:['’]s| is| was) (?:an? |the )?(?:very |really |quite )?(?:good|great|excellent|interesting|important|difficult|complex|common)\b/u,
  /^(?:the|this|these|those) (?:\p{L}+ )?(?:texts?|passages?|context|documents?|documentation|sources?|information|answers?|questions?) (?:(?:is|are) (?:about|in|here|not)|can|depends?|provides?|explains?|describes?|mentions?|says?|contains?|discuss(?:es)?|gives?|talks?)\b/u,
  /\b(?:(?:your|this) (?:question|request|prompt)|answers? (?:to )?the question)\b/u,
];

/** Content that such talk is made of. */
const talkWords: ReadonlySet<string> = new Set(
  (
    'absolutely answer answers ask asked asking available based certainly common complex contain contains context course ' +
    'depend depends describe described describes detail details difficult discuss discussed document documentation ' +
    'documents excellent explain explained explains explanation feel find following follows free general give given gives ' +
    'good great help helpful helps here hope important information interesting know let look lot many mention mentioned ' +
    'mentions more much need overview passage passages please point prompt provide provided provides question questions ' +
    'really request said say says see several some something source sources sum summary sure talk talks tell text texts ' +
    'thing things topic understand very want'
  ).split(' '),
);
