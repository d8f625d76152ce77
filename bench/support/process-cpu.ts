import { readFile } from 'node:fs/promises';

// USER_HZ: 100 on every architecture that Node runs on. Source: proc(5), sysconf(3).
const TICKS_PER_SECOND = 100;

/** Seconds of processor time (user and system) that these processes have used so far. */
export async function cpuSecondsOf(pids: readonly number[]): Promise<number> {
  const seconds = await Promise.all(pids.map(cpuSecondsOfOne));
  return seconds.reduce((sum, one) => sum + one, 0);
}

/** The processes that this one started and that still run, such as nginx's workers. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .filter((one) => one !== '')
    .map(Number);
}

/** Source: proc(5), /proc/pid/stat: fields 14 (utime) and 15 (stime). */
async function cpuSecondsOfOne(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in brackets and may hold blanks; the third follows the last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
