/**
 * libxml2 refuses a longer text or tag, and with it the whole file: XML_MAX_TEXT_LENGTH and XML_MAX_LOOKUP_LIMIT in its
 * parserInternals.h. It counts bytes, of a text those that are read, of a tag those that are written.
 */
export const MAX_TEXT_BYTES = 10_000_000;
