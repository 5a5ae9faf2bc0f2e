package chat
import ("testing";"os";"path/filepath";"fmt")
func TestTmpForms(t *testing.T){
 if os.Getenv("FORMS")=="" {t.Skip()}
 fs,_:=filepath.Glob("/tmp/chatwork/templates/*")
 m:=map[string][]string{}
 for _,f:=range fs { b,_:=os.ReadFile(f); tm,err:=NewTemplate(string(b)); if err!=nil {m["compile"]=append(m["compile"],filepath.Base(f));continue}
  k:=fmt.Sprintf("%+v",tm.callForm()); m[k]=append(m[k],filepath.Base(f)) }
 for k,v:=range m { fmt.Println(k,len(v)); for i,x:=range v { if i<14 {fmt.Println("   ",x)}} }
}
