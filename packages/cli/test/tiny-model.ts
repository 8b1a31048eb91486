/** Bytes of a sound GGUF file without sense: the header of a chat or base model and one small tensor. */
export function tinyModel({
  chat = true,
  rows = 64,
  embedding = false,
}: { readonly chat?: boolean; readonly rows?: number; readonly embedding?: boolean } = {}): Buffer {
  const entries: Buffer[] = [
    entry('general.architecture', 8, text('gemma3')),
    entry('general.name', 8, text('Tiny')),
    entry('gemma3.context_length', 4, u32(2048)),
    ...(chat ? [entry('tokenizer.chat_template', 8, text('{{ messages }}'))] : []),
    ...(embedding ? [entry('gemma3.pooling_type', 4, u32(1))] : []),
  ];
  const tensor = Buffer.concat([text('token_embd.weight'), u32(2), u64(32n), u64(BigInt(rows)), u32(0), u64(0n)]);
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(1n), u64(BigInt(entries.length)), ...entries, tensor]);
  const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
  const weights = Buffer.alloc(rows * 128, 7);
  return Buffer.concat([header, padding, weights]);
}

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), u32(type), value]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
