/** Room on the mount for the bodies of clients: no body is written into the reserve for the next index. */
export interface BodyRoom {
  /**
   * Called before a body is taken; it reserves nothing.
   * @throws AppError STORAGE_FULL.
   */
  readonly demandRoom: (sizeBytes: number) => void;
  /** Does one write of so many bytes, unless the room is used up. @throws AppError STORAGE_FULL. */
  readonly write: <T>(sizeBytes: number, write: () => Promise<T>) => Promise<T>;
}

export interface BodyRoomOptions {
  /** Demands that the reserve for the next index is left when so many bytes have come. @throws AppError STORAGE_FULL. */
  readonly demandReserve: (comingBytes: number) => void;
  /** The bytes that are free beyond the reserve. */
  readonly spareBytes: () => number;
  /** Of a clock that never goes back. */
  readonly nowMs: () => number;
}

// Each look asks the file system and every repository: too much for each write of 256 KiB. Within a second other
// writers, such as an index run, change little.
const LOOK_EVERY_MS = 1_000;

/**
 * All bodies share one sum of what may still be written, so that many at once cannot go further than one alone. A
 * promised length reserves no room: a client that promises and sends nothing would keep the others out.
 */
export function createBodyRoom({ demandReserve, nowMs, ...reserve }: BodyRoomOptions): BodyRoom {
  let spareBytes = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** In writes that have not returned; the file system may not count them yet. */
  let writingBytes = 0;

  return {
    demandRoom: look,
    write: async (sizeBytes, write) => {
      demandShare(sizeBytes);
      spareBytes -= sizeBytes;
      writingBytes += sizeBytes;
      try {
        return await write();
      } finally {
        writingBytes -= sizeBytes;
      }
    },
  };

  function demandShare(sizeBytes: number): void {
    if (sizeBytes <= spareBytes && nowMs() - lookedAtMs < LOOK_EVERY_MS) return;
    look(sizeBytes);
  }

  function look(sizeBytes: number): void {
    demandReserve(sizeBytes + writingBytes);
    spareBytes = reserve.spareBytes() - writingBytes;
    lookedAtMs = nowMs();
  }
}
