import { readFile, writeFile } from 'node:fs/promises';

/** Lets a process's peak memory count from now. Source: proc(5), /proc/pid/clear_refs. @returns whether the kernel allows it. */
export async function resetPeakMemory(pid: number): Promise<boolean> {
  return writeFile(`/proc/${pid}/clear_refs`, '5').then(
    () => true,
    () => false,
  );
}

/** The most memory that a process held at a time. Source: proc(5), VmHWM in /proc/pid/status. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(?<kibibytes>\d+) kB$/m.exec(status)?.groups?.['kibibytes']);
}

/** What a process holds now. Source: proc(5), VmRSS in /proc/pid/status. */
export async function residentMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+(?<kibibytes>\d+) kB$/m.exec(status)?.groups?.['kibibytes']);
}
