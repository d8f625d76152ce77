/** What the tree and the state of the fixture hold. */
export interface UpgradeFacts {
  /** Digests of the packages that the index names. */
  readonly published: readonly string[];
  /** Digest of a package that was acknowledged and is in no index yet. */
  readonly owed: string;
  /** A batch of two packages that waits for its commit. */
  readonly batch: string;
  /** Path of an upload in pieces. */
  readonly resumable: string;
  /** How many of its bytes have come. */
  readonly resumedAt: number;
}
