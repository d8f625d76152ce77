import { constants, openSync } from 'node:fs';

/**
 * Opens a path that should be a regular file: never through a link, and without waiting for a writer when a named pipe
 * is there instead. A caller that must be sure asks the descriptor (fstat).
 * @throws the error of the file system; ELOOP for a symbolic link, ENXIO for a socket.
 */
export function openToRead(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}
