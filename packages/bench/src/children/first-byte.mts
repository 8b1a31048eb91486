// Bare Node up to its first byte: one write to the descriptor that stands for a socket.
import { writeSync } from 'node:fs';

writeSync(3, '\n');
