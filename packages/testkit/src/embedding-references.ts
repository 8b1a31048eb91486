// Written by scripts/embedding-references.py.

/** Texts, and how alike the original all-MiniLM-L6-v2 in 32 bits finds them: the cosine of each with each. */
export const embeddingReferences: {
  readonly texts: readonly string[];
  readonly cosines: readonly (readonly number[])[];
} = {
  texts: [
    'The lighthouse keeper wrote down the wind and the waves.',
    'Every evening the man in the tower noted the weather at sea.',
    'How do I bake bread without yeast?',
    'Baking soda and buttermilk make a loaf rise when there is no yeast in the house.',
    'const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);',
    'A function that adds up a list of numbers.',
    'Der Zug nach Hamburg hat zwanzig Minuten Verspätung.',
    'The train to Hamburg is twenty minutes late.',
    'HOW DO I BAKE BREAD WITHOUT YEAST?',
    'Naïve café façade, déjà vu: 3 × 7 = 21 😀',
    'No.',
    'The museum opens at nine. Tickets are sold at the gate until four in the afternoon, children pay half, and whoever comes by bicycle may leave it in the yard behind the kitchen. Photographs are allowed everywhere but in the room with the oldest maps, where the light is kept low, and guides wait at the foot of the stairs every full hour.',
  ],
  cosines: [
    [1.0, 0.43149, -0.00357, -0.08316, 0.03218, 0.0438, -0.02405, 0.02143, -0.00357, 0.09755, 0.02775, 0.13378],
    [0.43149, 1.0, -0.03019, -0.00976, 0.08014, 0.03797, 0.06696, 0.05325, -0.03019, 0.0822, -0.0474, 0.0556],
    [-0.00357, -0.03019, 1.0, 0.63096, 0.11077, 0.07123, 0.16558, 0.16944, 1.0, 0.04376, -0.00302, 0.04371],
    [-0.08316, -0.00976, 0.63096, 1.0, 0.09914, 0.07454, 0.14378, 0.1056, 0.63096, 0.20034, 0.0161, 0.01273],
    [0.03218, 0.08014, 0.11077, 0.09914, 1.0, 0.40663, 0.04985, 0.04551, 0.11077, 0.0916, -0.05818, 0.04995],
    [0.0438, 0.03797, 0.07123, 0.07454, 0.40663, 1.0, 0.01308, -0.00688, 0.07123, 0.06187, 0.02792, -0.01503],
    [-0.02405, 0.06696, 0.16558, 0.14378, 0.04985, 0.01308, 1.0, 0.47614, 0.16558, 0.13331, 0.01904, 0.08448],
    [0.02143, 0.05325, 0.16944, 0.1056, 0.04551, -0.00688, 0.47614, 1.0, 0.16944, 0.18506, 0.03842, 0.1409],
    [-0.00357, -0.03019, 1.0, 0.63096, 0.11077, 0.07123, 0.16558, 0.16944, 1.0, 0.04376, -0.00302, 0.04371],
    [0.09755, 0.0822, 0.04376, 0.20034, 0.0916, 0.06187, 0.13331, 0.18506, 0.04376, 1.0, 0.12329, 0.14575],
    [0.02775, -0.0474, -0.00302, 0.0161, -0.05818, 0.02792, 0.01904, 0.03842, -0.00302, 0.12329, 1.0, 0.00863],
    [0.13378, 0.0556, 0.04371, 0.01273, 0.04995, -0.01503, 0.08448, 0.1409, 0.04371, 0.14575, 0.00863, 1.0],
  ],
};

/** Passages, and the raw scores that the head of ranking-model.ts gives them on the original weights. */
export const rankingReferences: {
  readonly query: string;
  readonly passages: readonly string[];
  readonly scores: readonly number[];
} = {
  query: 'What did the keeper note?',
  passages: ['The keeper wrote down the wind.', 'Bread rises without yeast, too.', 'No.'],
  scores: [-1.78697, 2.96928, 0.39783],
};
