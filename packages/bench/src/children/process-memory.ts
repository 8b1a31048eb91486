import { readFileSync } from 'node:fs';

/** Most memory that a process ever had resident, in MiB. `null` where the system does not tell. */
export function peakRssMiBOf(pid: number | undefined): number | null {
  const kibibytes = statusOf(pid, 'VmHWM');
  return kibibytes === null ? null : kibibytes / 1024;
}

/** Memory of a process that is no copy of a file, in bytes. `null` where the system does not tell. */
export function anonBytesOf(pid: number | undefined): number | null {
  const kibibytes = statusOf(pid, 'RssAnon');
  return kibibytes === null ? null : kibibytes * 1024;
}

/** Memory of a process that is resident, in bytes. `null` where the system does not tell. */
export function residentBytesOf(pid: number | undefined): number | null {
  const kibibytes = statusOf(pid, 'VmRSS');
  return kibibytes === null ? null : kibibytes * 1024;
}

function statusOf(pid: number | undefined, field: 'VmHWM' | 'RssAnon' | 'VmRSS'): number | null {
  if (process.platform !== 'linux' || pid === undefined) return null;
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return found === undefined ? null : Number(found);
}
