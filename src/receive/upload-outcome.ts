/** Where one package of an upload is, and whether hosts can install it from there. */
export interface UploadPlace {
  readonly repository: string;
  readonly location: string;
  readonly url: string;
  readonly state: 'waiting' | 'published' | 'set-aside';
  /** Why it is set aside. */
  readonly reason?: string;
}

/** What became of an upload. */
export interface UploadOutcome {
  readonly outcome: 'created' | 'unchanged' | 'known';
  readonly nevra: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly places: readonly UploadPlace[];
}
