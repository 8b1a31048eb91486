/** Makes texts whose words are as unevenly frequent as those of a language. */
export function textMaker(random: () => number, vocabulary: number): (wordsMax: number) => string {
  return (wordsMax) => {
    const words: string[] = [];
    const length = 1 + Math.floor(random() * wordsMax);
    for (let index = 0; index < length; index++) words.push(wordOf(Math.floor(vocabulary * random() ** 3)));
    if (random() < 0.1) words.push('the', 'and');
    return words.join(' ');
  };
}

/** Words without an ending that a stemmer would take away. */
function wordOf(index: number): string {
  return `w${index.toString(36)}q`;
}
