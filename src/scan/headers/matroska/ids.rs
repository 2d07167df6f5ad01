//! Element ids, marker bits included (RFC 9559 section 27.1).

pub const EBML: u32 = 0x1A45_DFA3;
pub const DOC_TYPE: u32 = 0x4282;
pub const VOID: u32 = 0xEC;
pub const CRC: u32 = 0xBF;
pub const SEGMENT: u32 = 0x1853_8067;

pub const SEEK_HEAD: u32 = 0x114D_9B74;
pub const SEEK: u32 = 0x4DBB;
pub const SEEK_ID: u32 = 0x53AB;
pub const SEEK_POSITION: u32 = 0x53AC;

pub const INFO: u32 = 0x1549_A966;
pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
pub const DURATION: u32 = 0x4489;
pub const DATE: u32 = 0x4461;
pub const TITLE: u32 = 0x7BA9;
pub const MUXING_APP: u32 = 0x4D80;

pub const CUES: u32 = 0x1C53_BB6B;

pub const CLUSTER: u32 = 0x1F43_B675;
pub const SIMPLE_BLOCK: u32 = 0xA3;
pub const BLOCK_GROUP: u32 = 0xA0;
pub const BLOCK: u32 = 0xA1;

pub const TRACKS: u32 = 0x1654_AE6B;
pub const TRACK: u32 = 0xAE;
pub const NUMBER: u32 = 0xD7;
pub const UID: u32 = 0x73C5;
pub const TYPE: u32 = 0x83;
pub const FLAG_DEFAULT: u32 = 0x88;
pub const FLAG_FORCED: u32 = 0x55AA;
pub const FLAG_HEARING: u32 = 0x55AB;
pub const FLAG_VISUAL: u32 = 0x55AC;
pub const FLAG_DESCRIPTIONS: u32 = 0x55AD;
pub const FLAG_ORIGINAL: u32 = 0x55AE;
pub const FLAG_COMMENTARY: u32 = 0x55AF;
pub const DEFAULT_DURATION: u32 = 0x23_E383;
pub const TRACK_TIMESTAMP_SCALE: u32 = 0x23_314F;
pub const NAME: u32 = 0x536E;
pub const LANGUAGE: u32 = 0x22_B59C;
pub const LANGUAGE_BCP47: u32 = 0x22_B59D;
pub const CODEC: u32 = 0x86;
pub const CODEC_PRIVATE: u32 = 0x63A2;
pub const TRACK_OPERATION: u32 = 0xE2;
pub const ADDITION_MAPPING: u32 = 0x41E4;
pub const ADDITION_TYPE: u32 = 0x41E7;
pub const ADDITION_DATA: u32 = 0x41ED;

pub const VIDEO: u32 = 0xE0;
pub const FLAG_INTERLACED: u32 = 0x9A;
pub const STEREO_MODE: u32 = 0x53B8;
pub const ALPHA_MODE: u32 = 0x53C0;
pub const WIDTH: u32 = 0xB0;
pub const HEIGHT: u32 = 0xBA;
pub const CROP: [u32; 4] = [0x54AA, 0x54BB, 0x54CC, 0x54DD];
pub const DISPLAY_WIDTH: u32 = 0x54B0;
pub const DISPLAY_HEIGHT: u32 = 0x54BA;
pub const DISPLAY_UNIT: u32 = 0x54B2;
pub const PROJECTION: u32 = 0x7670;
pub const COLOR: u32 = 0x55B0;
pub const COLOR_MATRIX: u32 = 0x55B1;
pub const COLOR_RANGE: u32 = 0x55B9;
pub const COLOR_TRANSFER: u32 = 0x55BA;
pub const COLOR_PRIMARIES: u32 = 0x55BB;
pub const MAX_CLL: u32 = 0x55BC;
pub const MAX_FALL: u32 = 0x55BD;
pub const MASTERING: u32 = 0x55D0;

pub const AUDIO: u32 = 0xE1;
pub const RATE: u32 = 0xB5;
pub const CHANNELS: u32 = 0x9F;

pub const ENCODINGS: u32 = 0x6D80;
pub const ENCODING: u32 = 0x6240;
pub const ENCODING_SCOPE: u32 = 0x5032;
pub const ENCODING_TYPE: u32 = 0x5033;
pub const COMPRESSION: u32 = 0x5034;
pub const COMPRESSION_ALGORITHM: u32 = 0x4254;
pub const COMPRESSION_SETTINGS: u32 = 0x4255;

pub const CHAPTERS: u32 = 0x1043_A770;
pub const EDITION: u32 = 0x45B9;
pub const EDITION_ORDERED: u32 = 0x45DD;
pub const CHAPTER: u32 = 0xB6;
pub const CHAPTER_SEGMENT: u32 = 0x6E67;
pub const CHAPTER_UID: u32 = 0x73C4;
pub const CHAPTER_START: u32 = 0x91;
pub const CHAPTER_END: u32 = 0x92;
pub const CHAPTER_DISPLAY: u32 = 0x80;
pub const CHAPTER_STRING: u32 = 0x85;

pub const TAGS: u32 = 0x1254_C367;
pub const TAG: u32 = 0x7373;
pub const TARGETS: u32 = 0x63C0;
pub const TARGET_TYPE: u32 = 0x63CA;
pub const TARGET_TRACK: u32 = 0x63C5;
pub const TARGET_CHAPTER: u32 = 0x63C4;
pub const TARGET_ATTACHMENT: u32 = 0x63C6;
pub const SIMPLE_TAG: u32 = 0x67C8;
pub const TAG_NAME: u32 = 0x45A3;
pub const TAG_STRING: u32 = 0x4487;
pub const TAG_LANGUAGE: u32 = 0x447A;
pub const TAG_DEFAULT: u32 = 0x4484;

pub const ATTACHMENTS: u32 = 0x1941_A469;
pub const ATTACHED_FILE: u32 = 0x61A7;
pub const FILE_DESCRIPTION: u32 = 0x467E;
pub const FILE_NAME: u32 = 0x466E;
pub const FILE_TYPE: u32 = 0x4660;
pub const FILE_DATA: u32 = 0x465C;
pub const FILE_UID: u32 = 0x46AE;
