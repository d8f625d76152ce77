/** The entity tags in a list such as that of If-Match, as they stand (RFC 9110, section 13.1.1). */
export function splitEntityTags(list: string): readonly string[] {
  return list.split(',').map((tag) => tag.trim());
}

/** A tag without the `W/` that a cache in between may add. */
export function asStrongTag(tag: string): string {
  return tag.replace(/^W\//, '');
}
