import type { CatalogLicence } from './catalog.ts';

/** Google's terms for Gemma up to Gemma 3n and EmbeddingGemma. */
export const gemmaTerms: CatalogLicence = {
  name: 'Gemma Terms of Use',
  url: 'https://ai.google.dev/gemma/terms',
  text: [
    'Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms.',
    'Who uses the model accepts these terms and the prohibited use policy they name',
    '(ai.google.dev/gemma/prohibited_use_policy). The licence of this program does not cover the weights.',
  ].join('\n'),
};

/** The licence of Gemma 4 and SmolLM2. */
export const apacheLicence: CatalogLicence = {
  name: 'Apache-2.0',
  url: 'https://www.apache.org/licenses/LICENSE-2.0',
  text: 'The model is published by its makers under the Apache License 2.0 (www.apache.org/licenses/LICENSE-2.0).',
};

/** The notice for a licence that a source names; `where` is the page that says so. */
export function licenceByName(
  name: string,
  where: string | null,
): { readonly name: string; readonly url: string | null; readonly text: string } {
  const id = name.toLowerCase();
  if (id === 'gemma') return gemmaTerms;
  if (/^apache[- ]?(?:license[- ])?(?:v?2(?:\.0)?)?$/.test(id)) return apacheLicence;
  return {
    name,
    url: where,
    text: `The source says that the model's licence is "${name}"${where === null ? '' : ` (${where})`}. Read it before you use the model.`,
  };
}
