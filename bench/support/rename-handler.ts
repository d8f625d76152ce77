// The floor: what any Node service behind the spooling nginx costs at least. It renames the spool file and answers.
// With --sync it also makes file and name durable before it answers, as a service must that promises to lose nothing.
// Usage: node rename-handler.ts <port> <directory> [--sync]
import { rename } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createSharedDirectorySync, syncFile } from '../../src/base/files/durable-files.ts';

const [port, directory = '.', option] = process.argv.slice(2);
const syncDirectory = createSharedDirectorySync();
let count = 0;

const server = createServer((request, response) => {
  const spoolPath = String(request.headers['x-package-name']);
  count += 1;
  const target = join(directory, `${count}.rpm`);
  const kept = option === '--sync' ? keepDurably(spoolPath, target) : rename(spoolPath, target);
  kept.then(
    () => response.writeHead(201).end('OK\n'),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

async function keepDurably(spoolPath: string, target: string): Promise<void> {
  await syncFile(spoolPath);
  await rename(spoolPath, target);
  await syncDirectory(directory);
}
