module portcullis.example/go/portcullis

go 1.19
