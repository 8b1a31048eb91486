import { crc32, deflateRawSync } from 'node:zlib';

export interface WheelFile {
  readonly path: string;
  readonly bytes: Buffer | string;
  /** Default: deflated. */
  readonly stored?: boolean;
  /** Makes the archive say a wrong CRC-32. */
  readonly wrongCrc?: boolean;
}

/** File name of a wheel for any Python. */
export function wheelName(name: string, version = '1.0.0'): string {
  return `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
}

/** A wheel with the metadata that pip wants and the files given. */
export function writeWheel(
  name: string,
  files: readonly WheelFile[],
  options: { readonly version?: string; readonly requires?: readonly string[]; readonly licence?: string } = {},
): Buffer {
  const version = options.version ?? '1.0.0';
  const info = `${name.replaceAll('-', '_')}-${version}.dist-info`;
  const metadata = [
    'Metadata-Version: 2.1',
    `Name: ${name}`,
    `Version: ${version}`,
    ...(options.licence === undefined ? [] : [`License: ${options.licence}`]),
    ...(options.requires ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
  ];
  return writeZip([
    ...files,
    { path: `${info}/METADATA`, bytes: `${metadata.join('\n')}\n\nText.\n` },
    { path: `${info}/WHEEL`, bytes: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n' },
    { path: `${info}/RECORD`, bytes: '' },
  ]);
}

function writeZip(files: readonly WheelFile[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const bytes = Buffer.from(file.bytes);
    const body = file.stored === true ? bytes : deflateRawSync(bytes);
    const name = Buffer.from(file.path);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(file.stored === true ? 0 : 8, 4);
    shared.writeUInt16LE(0x21, 8);
    shared.writeUInt32LE((crc32(bytes) ^ (file.wrongCrc === true ? 1 : 0)) >>> 0, 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), shared, name, body]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 0]), shared, entry, name]));
    locals.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, list, Buffer.from('PK\u0005\u0006'), end]);
}
