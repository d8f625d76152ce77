import type { FuzzTarget } from './fuzz-target.ts';
import { packageMetadata } from './targets/package-metadata.ts';
import { renderedPackage } from './targets/rendered-package.ts';
import { repomd } from './targets/repomd.ts';
import { rpmFile } from './targets/rpm-file.ts';
import { unpacked } from './targets/unpacked.ts';

/** Everything that is fuzzed, by the name that its folder in the corpus has. */
export const FUZZ_TARGETS = {
  'rpm-file': rpmFile,
  'rendered-package': renderedPackage,
  'package-metadata': packageMetadata,
  repomd,
  unpacked,
} as const satisfies Readonly<Record<string, FuzzTarget>>;

export type TargetName = keyof typeof FUZZ_TARGETS;

export const TARGET_NAMES = Object.keys(FUZZ_TARGETS).filter(
  (name): name is TargetName => name in FUZZ_TARGETS,
);
