import { join } from 'node:path';

/** Where everything lies below the state directory, absolute paths. docs/architecture.md draws it. */
export interface StateLayout {
  readonly stateDir: string;
  /** Uploads in progress, and the copies of them that are being signed. */
  readonly incomingDir: string;
  /** Uploads in pieces, a directory each. */
  readonly resumableDir: string;
  /** Public keys for gpgv. */
  readonly keyringsDir: string;
  /** A directory a batch. */
  readonly batchesDir: string;
  /** Repositories that need reindexing, a file each. */
  readonly marksDir: string;
  /** Metadata being written, on the mount of the tree. */
  readonly scratchRoot: string;
  /** Metadata that was put or removed and waits to be published, a directory a repository. */
  readonly metadataDir: string;
  /** What the incremental engine knows of its indexes. */
  readonly indexFile: string;
  readonly recordsFile: string;
  /** Where the running service listens, when that is not what the configuration says. */
  readonly addressFile: string;
  /** What commands on this machine show to the service. */
  readonly localTokenFile: string;
  readonly lockFile: string;
  /** Names the process that has the lock, for people. */
  readonly ownerFile: string;
}

/**
 * No other code joins a path to the state directory, but for the places that the configuration names and that lie there only
 * unless it says otherwise: the socket, the audit log and the keys of gpg (base/config/).
 */
export function createStateLayout(stateDir: string): StateLayout {
  return {
    stateDir,
    incomingDir: join(stateDir, 'incoming'),
    resumableDir: join(stateDir, 'resumable'),
    keyringsDir: join(stateDir, 'keyrings'),
    batchesDir: join(stateDir, 'batches'),
    marksDir: join(stateDir, 'marks'),
    scratchRoot: join(stateDir, 'scratch'),
    metadataDir: join(stateDir, 'metadata'),
    indexFile: join(stateDir, 'index.sqlite'),
    recordsFile: join(stateDir, 'records.sqlite'),
    addressFile: join(stateDir, 'address'),
    localTokenFile: join(stateDir, 'local-token'),
    lockFile: join(stateDir, 'lock.sqlite'),
    ownerFile: join(stateDir, 'owner.json'),
  };
}
