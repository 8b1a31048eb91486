/** What is measured of a search: name, unit, and how a smaller number is to be read. */
export const searchMetrics = [
  ['cpuMsP50', 'ms', 'lower'],
  ['cpuMsP99', 'ms', 'lower'],
  ['againCpuMsP50', 'ms', 'lower'],
  ['againCpuMsP99', 'ms', 'lower'],
  ['firstCpuMsP50', 'ms', 'lower'],
  ['firstCpuMsMax', 'ms', 'neither'],
  ['buildCpuS', 's', 'lower'],
  ['reopenMs', 'ms', 'lower'],
  ['indexBytesPerPassage', 'bytes', 'lower'],
  ['diskMiB', 'MiB', 'neither'],
  ['openAnonMiB', 'MiB', 'neither'],
  ['queriedAnonMiB', 'MiB', 'neither'],
  ['queriedRssMiB', 'MiB', 'neither'],
  ['queries', 'queries', 'neither'],
  ['hitsPerQuery', 'hits', 'neither'],
] as const;
