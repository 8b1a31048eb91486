import { UnsupportedError } from '@gemma-cli/contracts';

/** The version of node-llama-cpp that this version of gemma is made for and tested with. */
export const llamaVersion = '3.22.1';

/** Graphics libraries that can be added. */
export type LlamaGpu = 'cuda' | 'vulkan';

/** A package of the runtime. */
export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
  /** Expected hash of its archive. `null`: not known to this version; npm then compares with the registry's own hash alone. */
  readonly integrity: string | null;
}

/** What to install on a machine. */
export interface RuntimePlan {
  /** Name of the platform as node-llama-cpp writes it: `linux-x64`. */
  readonly platform: string;
  readonly packages: readonly RuntimePackage[];
  /** About how many bytes it takes on the disk. */
  readonly aboutBytes: number;
}

/** The machine that a plan is for. */
export interface RuntimeMachine {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Version of glibc; `undefined` = the C library is another one, or the system is not Linux. */
  readonly glibc: string | undefined;
}

/** Measured: the package, its dependencies and one processor build. */
const aboutBytesCpu = 85_000_000;
/** Measured with all GPU builds together; a single one is less, and no registry tells how much before the download. */
const aboutBytesGpu = 725_000_000;

/** The names that node-llama-cpp has prebuilt binaries for, by Node's platform and architecture. */
const platforms: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-armv7l',
  'linux-riscv64': 'linux-riscv64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** Which platforms have builds for which graphics library, and in how many packages each comes. */
const gpuPackages: Readonly<Record<string, Readonly<Record<LlamaGpu, readonly string[]>>>> = {
  'linux-x64': { cuda: ['linux-x64-cuda', 'linux-x64-cuda-ext'], vulkan: ['linux-x64-vulkan'] },
  'win-x64': { cuda: ['win-x64-cuda', 'win-x64-cuda-ext'], vulkan: ['win-x64-vulkan'] },
};

/** Hashes of the archives of {@link llamaVersion}, for the packages that could be looked at when it was chosen. */
const integrities: Readonly<Record<string, string>> = {
  'node-llama-cpp': 'sha512-bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw==',
  '@node-llama-cpp/linux-x64':
    'sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==',
  '@node-llama-cpp/linux-arm64':
    'sha512-W+7naKCXX9/eEjjFmRS8vvx91QyLXDbeFxexZc3bh/PtQABZgmRL3C0AtYYXn4YGTj/3Qor4lWZn2tpjZFPLdQ==',
  '@node-llama-cpp/linux-armv7l':
    'sha512-v/pHg4BcQHRDna+YYq4vWp44HCFluar4hAiB732Pa5PF89flMXhHSku68tQn+25RJjuc3TtoeY/i57WnX9GrdQ==',
  '@node-llama-cpp/linux-x64-cuda':
    'sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==',
  '@node-llama-cpp/linux-x64-cuda-ext':
    'sha512-4e5ajkiM2aR2WAdB/N/ACk4weEhHvOAIrzxZPsIX0xDFW5+6hhShuy1/vs88SK9NGdgAco9IyE28eYS0H1efpA==',
  '@node-llama-cpp/linux-x64-vulkan':
    'sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==',
};

/** This machine. */
export function thisMachine(): RuntimeMachine {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return { platform: process.platform, arch: process.arch, glibc: header?.glibcVersionRuntime };
}

/**
 * What to install on a machine.
 *
 * @throws UnsupportedError when there is no prebuilt binary for it.
 */
export function planLlamaRuntime(
  { platform: os, arch, glibc }: RuntimeMachine,
  gpu: LlamaGpu | undefined,
): RuntimePlan {
  const platform = platforms[`${os}-${arch}`];
  if (platform === undefined) {
    throw unsupported(
      `There is no prebuilt llama.cpp runtime for ${os} on ${arch}, only for ${Object.keys(platforms).join(', ')}.`,
    );
  }
  if (os === 'linux' && glibc === undefined) {
    throw unsupported(
      'The prebuilt llama.cpp runtime needs glibc, and this Linux has another C library. Use a distribution with glibc.',
    );
  }
  const extras = gpu === undefined ? [] : gpuPackages[platform]?.[gpu];
  if (extras === undefined) {
    throw unsupported(
      `There is no ${gpu ?? ''} build for ${platform}. Leave --gpu out; on macOS Metal is always there.`,
    );
  }
  const names = ['node-llama-cpp', `@node-llama-cpp/${platform}`, ...extras.map((name) => `@node-llama-cpp/${name}`)];
  return {
    platform,
    packages: names.map((name) => ({ name, version: llamaVersion, integrity: integrities[name] ?? null })),
    aboutBytes: gpu === undefined ? aboutBytesCpu : aboutBytesGpu,
  };
}

function unsupported(message: string): UnsupportedError {
  return new UnsupportedError({ message, facts: { runtime: 'llama.cpp' } });
}
