import { SaxesParser } from 'saxes';
import type { Checksum } from './file-checksum.ts';

/** What repomd.xml says of a metadata file's uncompressed content; it may leave out either. */
export interface StatedContent {
  readonly openChecksum: Checksum | undefined;
  readonly openSizeBytes: number | undefined;
}

/**
 * Reads it from a well-formed `<data>` element.
 * Source of the format: createrepo_c, src/xml_dump_repomd.c.
 */
export function readStatedContent(dataXml: string): StatedContent {
  const parser = new SaxesParser();
  let text = '';
  let type = '';
  let openChecksum: Checksum | undefined;
  let openSizeBytes: number | undefined;

  parser.on('opentag', ({ attributes }) => {
    text = '';
    type = attributes['type'] ?? '';
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'open-checksum') openChecksum = { type, hex: text.trim() };
    if (name === 'open-size') openSizeBytes = Number(text.trim());
  });
  parser.write(dataXml).close();
  return { openChecksum, openSizeBytes };
}
