import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

// Of IPv4 and IPv6, in the network namespace of this process (proc_net(5)).
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
// TCP_LISTEN in include/net/tcp_states.h.
const LISTENING = '0A';

/** The program that listens on a TCP port, as `nginx (process 812)`; undefined where this user may not see it. Linux only. */
export function findPortHolder(port: number): string | undefined {
  const inodes = new Set(TABLES.flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return undefined;
  const pid = attempt(() => readdirSync('/proc'))?.find((name) => /^\d+$/.test(name) && holds(name, inodes));
  if (pid === undefined) return undefined;
  // Not the name of the process (comm): Node calls its own MainThread.
  const [program = ''] = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
  return `${program === '' ? 'a program' : basename(program)} (process ${pid})`;
}

function listeningInodes(table: string, port: number): readonly string[] {
  const lines = attempt(() => readFileSync(table, 'utf8'))?.split('\n') ?? [];
  return lines.flatMap((line) => {
    // sl, local address, remote address, state, queues, timer, retransmissions, uid, timeout, inode
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const isIt = state === LISTENING && Number.parseInt(local.split(':')[1] ?? '', 16) === port;
    return isIt ? [inode] : [];
  });
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  const descriptors = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.some((descriptor) => {
    const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`));
    return inodes.has(/^socket:\[(?<inode>\d+)\]$/.exec(target ?? '')?.groups?.['inode'] ?? '');
  });
}

/** Undefined for what is not there, is gone meanwhile, or belongs to another user. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
