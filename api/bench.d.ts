// . = ./dist/index.d.ts

// dist/index.d.ts
export {};
