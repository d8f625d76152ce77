import { execa } from 'execa';
import type { Cost } from './reindex-peer.ts';

// Node does not tell the memory of its children; wait4(2) tells it for each. ru_maxrss is in KiB: getrusage(2).
const WRAPPER = `
import json, os, sys, time
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
seconds = time.monotonic() - began
print(json.dumps({'exitCode': os.waitstatus_to_exitcode(status), 'seconds': seconds,
  'cpuSeconds': usage.ru_utime + usage.ru_stime, 'peakBytes': 1024 * usage.ru_maxrss}))
`;

/** Runs a program to its end. @throws Error with what it printed when it fails. */
export async function runMeasured(command: string, args: readonly string[]): Promise<Cost> {
  const { stdout, stderr } = await execa('python3', ['-c', WRAPPER, command, ...args]);
  const { exitCode, ...cost }: Cost & { readonly exitCode: number } = JSON.parse(stdout);
  if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}: ${stderr}`);
  return cost;
}
