// Bare Node: what every start costs before a line of ours runs.
// oxlint-disable-next-line unicorn/require-module-specifiers -- an empty module is the point
export {};
