import { STRING_TYPES, TagType } from './tag-type.ts';

/** rpm does not tell the three apart. */

/**
 * All tags of rpm 4.18 by type, as ranges from the first to the last tag. Most of them are not read here;
 * newer rpms add tags, but never change the type of one.
 *
 * Source: rpm, include/rpm/rpmtag.h, the comments of enum rpmTag_e; as rpmTagGetTagType answers.
 */
const RANGES: readonly (readonly [readonly number[], readonly (readonly [number, number])[]])[] = [
  [[TagType.CHAR], [[1029, 1029]]],
  [
    [TagType.INT16],
    [
      [1030, 1030],
      [1033, 1033],
    ],
  ],
  [
    [TagType.INT32],
    [
      [257, 257],
      [277, 277],
      [1003, 1003],
      [1006, 1006],
      [1008, 1009],
      [1028, 1028],
      [1034, 1034],
      [1037, 1037],
      [1045, 1046],
      [1048, 1048],
      [1051, 1053],
      [1068, 1069],
      [1080, 1080],
      [1095, 1096],
      [1106, 1106],
      [1112, 1112],
      [1114, 1114],
      [1116, 1116],
      [1119, 1119],
      [1127, 1129],
      [1134, 1134],
      [1140, 1141],
      [1143, 1145],
      [1158, 1158],
      [1161, 1161],
      [1195, 1195],
      [5011, 5011],
      [5017, 5027],
      [5032, 5033],
      [5037, 5037],
      [5045, 5045],
      [5048, 5048],
      [5051, 5051],
      [5054, 5054],
      [5057, 5057],
      [5068, 5068],
      [5070, 5070],
      [5072, 5072],
      [5078, 5078],
      [5080, 5080],
      [5082, 5082],
      [5084, 5085],
      [5091, 5091],
      [5093, 5093],
    ],
  ],
  [
    [TagType.INT64],
    [
      [270, 271],
      [5008, 5009],
    ],
  ],
  [
    [TagType.BIN],
    [
      [259, 259],
      [261, 262],
      [267, 268],
      [1012, 1013],
      [1043, 1043],
      [1146, 1146],
    ],
  ],
  [
    STRING_TYPES,
    [
      [100, 100],
      [266, 266],
      [269, 269],
      [273, 273],
      [276, 276],
      [1000, 1002],
      [1004, 1005],
      [1007, 1007],
      [1010, 1011],
      [1014, 1016],
      [1018, 1027],
      [1035, 1036],
      [1039, 1040],
      [1044, 1044],
      [1047, 1047],
      [1049, 1050],
      [1054, 1055],
      [1059, 1062],
      [1064, 1067],
      [1079, 1079],
      [1081, 1082],
      [1085, 1092],
      [1094, 1094],
      [1097, 1099],
      [1113, 1113],
      [1115, 1115],
      [1117, 1118],
      [1120, 1126],
      [1132, 1133],
      [1135, 1135],
      [1142, 1142],
      [1147, 1157],
      [1159, 1160],
      [1196, 1196],
      [5000, 5002],
      [5005, 5007],
      [5010, 5010],
      [5012, 5016],
      [5030, 5031],
      [5034, 5036],
      [5040, 5044],
      [5046, 5047],
      [5049, 5050],
      [5052, 5053],
      [5055, 5056],
      [5058, 5062],
      [5066, 5067],
      [5069, 5069],
      [5071, 5071],
      [5076, 5077],
      [5079, 5079],
      [5081, 5081],
      [5086, 5090],
      [5092, 5092],
      [5096, 5101],
    ],
  ],
];

const TYPES_BY_TAG: ReadonlyMap<number, readonly number[]> = new Map(
  RANGES.flatMap(([types, ranges]) =>
    ranges.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => [first + index, types] as const),
    ),
  ),
);

/**
 * Whether rpm lets a tag of the main header have this type. It refuses the whole package when a tag it
 * knows has another one, and tools built on it then skip the package without a word.
 *
 * Source: rpm, lib/header.cc, hdrchkTagType.
 */
export function isStandardType(tag: number, type: number): boolean {
  return TYPES_BY_TAG.get(tag)?.includes(type) ?? true;
}
