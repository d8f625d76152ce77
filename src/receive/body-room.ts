/** Room on the mount for what clients send, so that no body is written into what is kept for the next index. */
export interface BodyRoom {
  /** Asked before a body is taken. @throws AppError STORAGE_FULL. */
  readonly expect: (sizeBytes: number) => void;
  /** Does one write of so many bytes, unless the room is used up. @throws AppError STORAGE_FULL. */
  readonly write: <T>(sizeBytes: number, write: () => Promise<T>) => Promise<T>;
}

export interface BodyRoomOptions {
  /** Gives the bytes that are left beyond the reserve when so many have come. @throws AppError STORAGE_FULL. */
  readonly checkReserve: (comingBytes: number) => number;
  /** Of a clock that never goes back. */
  readonly nowMs: () => number;
}

// Each look asks the file system and every repository: too much for each write of 256 KiB. Within a second others, such
// as an index run, change little.
const LOOK_EVERY_MS = 1_000;

/**
 * All bodies share one sum of what may still be written, so that many at once cannot go further than one alone. What is
 * only promised keeps no room: a client that promises and sends nothing would keep the others out.
 */
export function createBodyRoom({ checkReserve, nowMs }: BodyRoomOptions): BodyRoom {
  let spareBytes = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** In writes that have not returned; the file system may not count them yet. */
  let writingBytes = 0;

  return {
    expect: look,
    write: async (sizeBytes, write) => {
      demandRoom(sizeBytes);
      spareBytes -= sizeBytes;
      writingBytes += sizeBytes;
      try {
        return await write();
      } finally {
        writingBytes -= sizeBytes;
      }
    },
  };

  function demandRoom(sizeBytes: number): void {
    if (sizeBytes <= spareBytes && nowMs() - lookedAtMs < LOOK_EVERY_MS) return;
    look(sizeBytes);
  }

  function look(sizeBytes: number): void {
    spareBytes = checkReserve(sizeBytes + writingBytes) + sizeBytes;
    lookedAtMs = nowMs();
  }
}
