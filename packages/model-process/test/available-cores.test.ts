import { describe, expect, it } from 'vitest';
import { availableCores } from '../src/index.ts';

/** Readable files by path; every other path cannot be read. */
function files(contents: Record<string, string>): (path: string) => string | null {
  return (path) => contents[path] ?? null;
}

describe('availableCores', () => {
  it('follows the affinity mask where there is no quota', () => {
    expect(availableCores({ affinityCores: () => 6, readText: files({}) })).toEqual({
      cores: 6,
      affinityCores: 6,
      quotaCores: null,
      reason: '6 by CPU affinity',
    });
  });

  it('floors a quota, because a thread that is descheduled stalls all others', () => {
    const readText = files({
      '/proc/self/cgroup': '0::/app\n',
      '/sys/fs/cgroup/app/cpu.max': '350000 100000\n',
    });
    expect(availableCores({ affinityCores: () => 8, readText })).toMatchObject({ cores: 3, quotaCores: 3.5 });
  });

  it('gives at least one core for a quota below one', () => {
    const readText = files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '20000 100000\n' });
    expect(availableCores({ affinityCores: () => 8, readText })).toMatchObject({ cores: 1, quotaCores: 0.2 });
  });

  it('takes the smallest quota on the way to the root', () => {
    const readText = files({
      '/proc/self/cgroup': '0::/slice/service\n',
      '/sys/fs/cgroup/slice/service/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/slice/cpu.max': '200000 100000\n',
    });
    expect(availableCores({ affinityCores: () => 8, readText }).cores).toBe(2);
  });

  it('reads version 1 of control groups', () => {
    const readText = files({
      '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n',
      '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '250000\n',
      '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
    expect(availableCores({ affinityCores: () => 4, readText })).toMatchObject({ cores: 2, quotaCores: 2.5 });
  });

  it('ignores a quota above what the mask allows', () => {
    const readText = files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '1600000 100000\n' });
    expect(availableCores({ affinityCores: () => 2, readText })).toMatchObject({ cores: 2, quotaCores: 16 });
  });

  it('gives a usable number on this machine', () => {
    const { cores, affinityCores } = availableCores();
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(cores).toBeLessThanOrEqual(affinityCores);
  });
});
