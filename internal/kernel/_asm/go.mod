module github.com/blitz-r1/blitz/internal/kernel/_asm

go 1.26.8
