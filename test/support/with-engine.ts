import type { SiteOptions } from './run-site.ts';

/** Whatever is said of the index holds with each of them. */
export const ENGINES = ['incremental', 'createrepo'] as const;

export type EngineName = (typeof ENGINES)[number];

/** The options of a site whose service runs this engine. */
export function withEngine(engine: EngineName, options: SiteOptions = {}): SiteOptions {
  const { config } = options;
  return { ...options, config: { ...config, index_updater: { ...config?.['index_updater'], engine } } };
}
