import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import javax.smartcardio.Card;
import javax.smartcardio.CommandAPDU;
import javax.smartcardio.TerminalFactory;

/** The JDK's own smart card provider: JdkHost READER PROTOCOL. A command a line, its response a line, in hexadecimal digits. */
public class JdkHost {
    public static void main(String[] arguments) throws Exception {
        Card card = TerminalFactory.getInstance("PC/SC", null).terminals().getTerminal(arguments[0]).connect(arguments[1]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = commands.readLine()) != null; ) {
            CommandAPDU command = new CommandAPDU(HexFormat.of().parseHex(line));
            System.out.println(HexFormat.of().formatHex(card.getBasicChannel().transmit(command).getBytes()));
        }
        card.disconnect(true);
    }
}
