import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTempDir } from './temp-dir.ts';

/** Stands in for systemd: Node cannot bind a unix datagram socket. A barrier is a closed pipe that comes with a message. */
const LISTENER = `
import array, os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
print('bound', flush=True)
while True:
    data, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(64))
    for level, kind, fds in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for fd in array.array('i', fds[: len(fds) - len(fds) % 4]):
                os.close(fd)
    if data != b'BARRIER=1':
        print(data.decode().replace('\\n', ' '), flush=True)
`;

export interface NotifySocket extends AsyncDisposable {
  /** For NOTIFY_SOCKET. */
  readonly path: string;
  /** One entry a message, its assignments separated by spaces. */
  readonly messages: readonly string[];
}

export async function openNotifySocket(): Promise<NotifySocket> {
  const dir = await createTempDir();
  const path = join(dir.path, 'notify');
  const child = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  const messages: string[] = [];
  lines.on('line', (line) => messages.push(line));
  return {
    path,
    messages,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await dir.remove();
    },
  };
}
