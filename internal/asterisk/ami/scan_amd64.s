#include "go_asm.h"
#include "textflag.h"

// func find(b *blocks, text []byte)
TEXT ·find(SB), NOSPLIT, $0-32
	MOVQ b+0(FP), DI
	MOVQ text_base+8(FP), SI
	MOVQ text_len+16(FP), R8
	SHRQ $6, R8
	JZ   done
	MOVQ $0x0a0a0a0a0a0a0a0a, AX // line feeds
	MOVQ AX, X0
	PUNPCKLQDQ X0, X0
	MOVQ $0x3a3a3a3a3a3a3a3a, AX // colons
	MOVQ AX, X1
	PUNPCKLQDQ X1, X1

next:
	MOVOU 0(SI), X2
	MOVOU 16(SI), X3
	MOVOU 32(SI), X4
	MOVOU 48(SI), X5

	// which end a line
	MOVO    X2, X6
	PCMPEQB X0, X6
	MOVO    X3, X7
	PCMPEQB X0, X7
	MOVO    X4, X8
	PCMPEQB X0, X8
	MOVO    X5, X9
	PCMPEQB X0, X9
	PMOVMSKB X6, AX
	PMOVMSKB X7, BX
	PMOVMSKB X8, CX
	PMOVMSKB X9, DX
	SHLQ    $16, BX
	SHLQ    $32, CX
	SHLQ    $48, DX
	ORQ     BX, AX
	ORQ     DX, CX
	ORQ     CX, AX
	MOVQ    AX, blocks_ends(DI)

	// which are colons
	MOVO    X2, X6
	PCMPEQB X1, X6
	MOVO    X3, X7
	PCMPEQB X1, X7
	MOVO    X4, X8
	PCMPEQB X1, X8
	MOVO    X5, X9
	PCMPEQB X1, X9
	PMOVMSKB X6, AX
	PMOVMSKB X7, BX
	PMOVMSKB X8, CX
	PMOVMSKB X9, DX
	SHLQ    $16, BX
	SHLQ    $32, CX
	SHLQ    $48, DX
	ORQ     BX, AX
	ORQ     DX, CX
	ORQ     CX, AX
	MOVQ    AX, blocks_colons(DI)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ R8
	JNZ  next

done:
	RET
