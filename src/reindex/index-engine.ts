/** One engine run: describe these packages in new metadata files. */
export interface IndexJob {
  /** Absolute path of the repository; its published metadata may be reused. */
  readonly repositoryDir: string;
  /** Paths of the packages below `repositoryDir`: exactly these belong into the index. */
  readonly locations: readonly string[];
  /** An empty directory; the engine writes `repodata/` with repomd.xml and all it names into it. */
  readonly scratchDir: string;
  /** False: read every package again, whatever the published metadata says. */
  readonly mayReuse: boolean;
  readonly signal: AbortSignal;
}

/** What an engine says beside the files it wrote. */
export interface EngineReport {
  /** Its warnings, one a line; those about a package name its file. */
  readonly warnings: readonly string[];
}

/** Writes the metadata of a repository. What it wrote is checked before it is published, whichever engine it was. */
export interface IndexEngine {
  /** @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING. */
  build(job: IndexJob): Promise<EngineReport>;
}
