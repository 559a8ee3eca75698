package isa

import "golang.org/x/arch/x86/x86asm"

// asksCPU stands for CPUID, which is no ability but the question for them.
const asksCPU = "cpuid"

// legacyFeature names the ability that an instruction from before AVX asks for. TZCNT is left out: it is
// BSF with a prefix that older CPUs ignore, and compilers write it for them, too.
func legacyFeature(in x86asm.Inst) string {
	switch in.Op {
	case x86asm.CPUID:
		return asksCPU
	case x86asm.ADDSUBPD, x86asm.ADDSUBPS, x86asm.HADDPD, x86asm.HADDPS, x86asm.HSUBPD, x86asm.HSUBPS, x86asm.LDDQU,
		x86asm.MOVDDUP, x86asm.MOVSHDUP, x86asm.MOVSLDUP, x86asm.MONITOR, x86asm.MWAIT:
		return "sse3"
	case x86asm.PSHUFB, x86asm.PHADDW, x86asm.PHADDD, x86asm.PHADDSW, x86asm.PMADDUBSW, x86asm.PHSUBW, x86asm.PHSUBD,
		x86asm.PHSUBSW, x86asm.PSIGNB, x86asm.PSIGNW, x86asm.PSIGND, x86asm.PMULHRSW, x86asm.PABSB, x86asm.PABSW, x86asm.PABSD, x86asm.PALIGNR:
		return "ssse3"
	case x86asm.PBLENDVB, x86asm.BLENDVPS, x86asm.BLENDVPD, x86asm.PTEST, x86asm.PMOVSXBW, x86asm.PMOVSXBD, x86asm.PMOVSXBQ,
		x86asm.PMOVSXWD, x86asm.PMOVSXWQ, x86asm.PMOVSXDQ, x86asm.PMULDQ, x86asm.PCMPEQQ, x86asm.MOVNTDQA, x86asm.PACKUSDW,
		x86asm.PMOVZXBW, x86asm.PMOVZXBD, x86asm.PMOVZXBQ, x86asm.PMOVZXWD, x86asm.PMOVZXWQ, x86asm.PMOVZXDQ, x86asm.PMINSB,
		x86asm.PMINSD, x86asm.PMINUW, x86asm.PMINUD, x86asm.PMAXSB, x86asm.PMAXSD, x86asm.PMAXUW, x86asm.PMAXUD, x86asm.PMULLD,
		x86asm.PHMINPOSUW, x86asm.ROUNDPS, x86asm.ROUNDPD, x86asm.ROUNDSS, x86asm.ROUNDSD, x86asm.BLENDPS, x86asm.BLENDPD,
		x86asm.PBLENDW, x86asm.PEXTRB, x86asm.PEXTRD, x86asm.PEXTRQ, x86asm.EXTRACTPS, x86asm.PINSRB, x86asm.INSERTPS, x86asm.PINSRD,
		x86asm.PINSRQ, x86asm.DPPS, x86asm.DPPD, x86asm.MPSADBW:
		return "sse4_1"
	case x86asm.PCMPGTQ, x86asm.PCMPESTRI, x86asm.PCMPESTRM, x86asm.PCMPISTRI, x86asm.PCMPISTRM, x86asm.CRC32:
		return "sse4_2"
	case x86asm.POPCNT:
		return "popcnt"
	case x86asm.CMPXCHG16B:
		return "cx16"
	case x86asm.LZCNT:
		return "abm"
	case x86asm.MOVBE:
		return "movbe"
	case x86asm.AESDEC, x86asm.AESDECLAST, x86asm.AESENC, x86asm.AESENCLAST, x86asm.AESIMC, x86asm.AESKEYGENASSIST:
		return "aes"
	case x86asm.PCLMULQDQ:
		return "pclmulqdq"
	case x86asm.SHA1MSG1, x86asm.SHA1MSG2, x86asm.SHA1NEXTE, x86asm.SHA1RNDS4, x86asm.SHA256MSG1, x86asm.SHA256MSG2, x86asm.SHA256RNDS2:
		return "sha_ni"
	case x86asm.RDRAND:
		return "rdrand"
	case x86asm.XSAVE, x86asm.XSAVE64, x86asm.XRSTOR, x86asm.XRSTOR64, x86asm.XGETBV, x86asm.XSETBV:
		return "xsave"
	case x86asm.XSAVEOPT, x86asm.XSAVEOPT64:
		return "xsaveopt"
	case x86asm.RDFSBASE, x86asm.RDGSBASE, x86asm.WRFSBASE, x86asm.WRGSBASE:
		return "fsgsbase"
	case x86asm.XBEGIN, x86asm.XABORT, x86asm.XEND, x86asm.XTEST:
		return "rtm"
	}
	return ""
}

// x86Gaps reads what the library does not know: hints, and the two-byte maps' late comers.
func x86Gaps(b []byte) (size int, feature string, ok bool) {
	at := 0
	for at < len(b) && at < 8 && (legacyPrefix(b[at]) || b[at] == 0xf2 || b[at] == 0xf3) {
		at++
	}
	if at < len(b) && b[at]&0xf0 == 0x40 { // REX
		at++
	}
	if at+2 >= len(b) || b[at] != 0x0f {
		return 0, "", false
	}
	op := b[at+1]
	switch {
	case op == 0x38, op == 0x3a:
		if at+3 >= len(b) {
			return 0, "", false
		}
		immediate := 0
		if op == 0x3a {
			immediate = 1
		}
		n, ok := rest(b[at+3:], immediate)
		return at + 3 + n, gapFeature(op, b[at+2]), ok
	case op >= 0x18 && op <= 0x1f, op == 0x0d, op == 0x01, op == 0xae, op == 0xc7:
		n, ok := rest(b[at+2:], 0)
		if op == 0xc7 && b[at+2]>>3 == 0x1f { // register form of /7
			return at + 2 + n, "rdseed", ok
		}
		return at + 2 + n, "", ok
	}
	return 0, "", false
}

func gapFeature(table, op byte) string {
	switch {
	case table == 0x38 && within(op, 0xc8, 0xcd), table == 0x3a && op == 0xcc:
		return "sha_ni"
	case table == 0x38 && op == 0xcf, table == 0x3a && within(op, 0xce, 0xcf):
		return "gfni"
	case table == 0x38 && op == 0xf6:
		return "adx"
	case table == 0x38 && within(op, 0xf8, 0xf9):
		return "movdiri"
	}
	return "newer than this program"
}
