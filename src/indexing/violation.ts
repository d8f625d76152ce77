/** One way in which a tree is not as it should be. */
export interface Violation {
  readonly code: ViolationCode;
  /** An error keeps clients or the service from something; a note only tells what is there. */
  readonly severity: 'error' | 'note';
  readonly repository?: string;
  /** A path, or a location below the repository's directory. */
  readonly subject: string;
  readonly detail: string;
  /** One sentence: what to do. */
  readonly remedy: string;
  /** What a repair may do about it by itself. */
  readonly cure?: Cure;
}

export type Cure = 'reindex' | 'chmod';

/** What a check finds; its code says the rest. */
export interface Finding {
  readonly code: ViolationCode;
  readonly subject: string;
  readonly detail: string;
}

interface CodeFacts {
  readonly severity: Violation['severity'];
  readonly remedy: string;
  readonly cure?: Cure;
}

const CURED_BY_REINDEX = {
  severity: 'error',
  remedy: 'Run "rpmyard verify --repair", or "rpmyard reindex --full <repository>".',
  cure: 'reindex',
} as const satisfies CodeFacts;

const BY_ITSELF = 'Nothing: the service does it by itself.';

/** Every code with its severity and remedy. The set is closed and a code never changes its meaning. */
export const VIOLATION_CODES = {
  // Metadata that the packages are described in
  METADATA_MISSING: CURED_BY_REINDEX,
  METADATA_UNREADABLE: CURED_BY_REINDEX,
  METADATA_NOT_XML: CURED_BY_REINDEX,
  METADATA_CHECKSUM_WRONG: CURED_BY_REINDEX,
  SIZE_WRONG: CURED_BY_REINDEX,
  OPEN_CHECKSUM_WRONG: CURED_BY_REINDEX,
  OPEN_SIZE_WRONG: CURED_BY_REINDEX,
  PACKAGE_COUNT_WRONG: CURED_BY_REINDEX,
  METADATA_DISAGREE: CURED_BY_REINDEX,
  LOCATION_TWICE: CURED_BY_REINDEX,
  // Metadata of others: an index run carries it over as it is
  FOREIGN_METADATA_WRONG: {
    severity: 'error',
    remedy: 'Put the file into the repository again, for example with modifyrepo_c.',
  },
  // How it is published
  GENERATION_WRONG: CURED_BY_REINDEX,
  FORMER_GENERATION_WRONG: {
    severity: 'note',
    remedy: 'Nothing: hosts are led to the newest one, and this one goes when its time is over.',
  },
  SIGNATURE_WRONG: CURED_BY_REINDEX,
  SIGNATURE_UNCHECKED: {
    severity: 'error',
    remedy: 'Put the key back into signing.gnupg_home, or correct signing.keys; then check again.',
  },
  // Packages
  INDEX_LACKS_PACKAGE: CURED_BY_REINDEX,
  INDEX_PENDING: { severity: 'note', remedy: 'Nothing: the next index run takes it up.' },
  PACKAGE_NOT_ON_DISK: {
    severity: 'error',
    remedy: 'Upload the package again, or reindex the repository so that its index forgets it.',
  },
  PACKAGE_SIZE_WRONG: {
    severity: 'error',
    remedy:
      'Restore the file; or run "rpmyard reindex --full <repository>" if the new file, which no client uploaded, is the right one.',
  },
  PACKAGE_DIGEST_WRONG: {
    severity: 'error',
    remedy:
      'Restore the file; or run "rpmyard reindex --full <repository>" if the new file, which no client uploaded, is the right one.',
  },
  PACKAGE_DAMAGED: {
    severity: 'error',
    remedy:
      'Upload the acknowledged package again, which mends the file; or restore it and run "rpmyard reindex <repository>".',
  },
  PACKAGE_UNREADABLE: {
    severity: 'error',
    remedy:
      'Look at the disk, if that is named; else publish a corrected build with a higher release, and remove this file.',
  },
  PACKAGE_UNDESCRIBABLE: {
    severity: 'error',
    remedy:
      'Hosts go on installing it; publish a corrected build with a higher release, and remove this file.',
  },
  PACKAGE_HELD_BACK: {
    severity: 'error',
    remedy:
      'Publish it with "rpmyard reindex --take-over <repository>", or upload it; else move it out of the repository.',
  },
  WOULD_LEAVE_INDEX: {
    severity: 'error',
    remedy:
      'Put the file there, or "rpmyard adopt" it from where it lies; or let go: "rpmyard reindex --take-over <repository>".',
  },
  NEVRA_TWICE: {
    severity: 'note',
    remedy: 'Hosts take any of them: remove all but one, then run "rpmyard reindex <repository>".',
  },
  PACKAGE_SET_ASIDE: {
    severity: 'note',
    remedy: 'Build the package again without what the reason names, and remove this file.',
  },
  SET_ASIDE_IN_INDEX: CURED_BY_REINDEX,
  FILE_MODE_WRONG: {
    severity: 'error',
    remedy: 'Let every user read the file: chmod 0644.',
    cure: 'chmod',
  },
  DIRECTORY_IS_LINK: {
    severity: 'error',
    remedy:
      'Replace the link by a directory, or mount the other one there: hosts are shown nothing behind it.',
  },
  // Receipts
  RECEIPT_WITHOUT_PACKAGE: {
    severity: 'error',
    remedy: 'Upload the package again, or reindex the repository so that its receipt is forgotten.',
  },
  RECEIPT_DISAGREES: CURED_BY_REINDEX,
  INDEX_RUN_FAILING: {
    severity: 'error',
    remedy: 'Do what the error says; the service tries again by itself.',
  },
  RECEIPT_NOT_PUBLISHED: { severity: 'note', remedy: 'Nothing: the next index run notes the time.' },
  // Other files
  FILE_NOT_INDEXED: { severity: 'note', remedy: 'Remove it, or rename it if it is meant to be a package.' },
  UNKNOWN_METADATA_FILE: {
    severity: 'note',
    remedy: 'Remove it, or name it in repomd.xml with modifyrepo_c if clients are to read it.',
  },
  LEFTOVER: { severity: 'note', remedy: 'Nothing: the next start or sweep of the service removes it.' },
  // Work that waits
  MARK_WAITING: { severity: 'note', remedy: BY_ITSELF },
  MARK_WITHOUT_RUN: {
    severity: 'note',
    remedy: 'Start the service: it indexes the repository at its start.',
  },
  CHANGED_DURING_CHECK: { severity: 'note', remedy: 'Check the repository again when fewer uploads come.' },
} as const satisfies Readonly<Record<string, CodeFacts>>;

export type ViolationCode = keyof typeof VIOLATION_CODES;

/**
 * A finding with the text of its code. Its texts hold file names, which any user may have chosen: escape them for a
 * terminal.
 */
export function toViolation({ code, subject, detail }: Finding, repository?: string): Violation {
  const facts: CodeFacts = VIOLATION_CODES[code];
  return {
    code,
    ...facts,
    ...(repository !== undefined && { repository }),
    subject,
    detail,
  };
}
