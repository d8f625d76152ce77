/** A header's value as text, with the values of one that came more than once joined as RFC 9110, section 5.3, has it. */
export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
