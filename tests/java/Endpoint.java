import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HexFormat;

/** Tests a card at a port, without pcscd and with the JDK only: Endpoint 127.0.0.1:PORT prints what the card answered, a line each. */
public class Endpoint {
    static final String SELECT = "00A4040008F04547454C45430100";
    static final String STATUS = "00CADF2100";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    /** Over HTTP, in hexadecimal digits: to /apdu, /insert, /remove, /reset, /cut-power. */
    static String post(String address, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + address + path))
                .header("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.body());
        return answer.body();
    }

    /** Over TCP: a length of two bytes, big endian, and so many bytes. One byte is a control: 01 on, 02 reset, 04 answer to reset. */
    static void send(DataOutputStream out, byte[] message) throws Exception {
        byte[] frame = new byte[message.length + 2];
        frame[0] = (byte) (message.length >> 8);
        frame[1] = (byte) message.length;
        System.arraycopy(message, 0, frame, 2, message.length);
        out.write(frame);
    }

    static String exchange(DataInputStream in, DataOutputStream out, String command) throws Exception {
        send(out, HexFormat.of().parseHex(command));
        return HexFormat.of().withUpperCase().formatHex(in.readNBytes(in.readUnsignedShort()));
    }

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        System.out.println(post(address, "/apdu", SELECT));
        System.out.println(post(address, "/apdu", STATUS));
        String[] place = address.split(":");
        try (Socket socket = new Socket(place[0], Integer.parseInt(place[1]))) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            send(out, new byte[] {1});
            System.out.println(exchange(in, out, "04"));
            System.out.println(exchange(in, out, SELECT));
            System.out.println(exchange(in, out, STATUS));
            post(address, "/remove", "");
            try {
                System.out.println(exchange(in, out, SELECT));
            } catch (EOFException | java.net.SocketException gone) {
                System.out.println("gone");
            }
        }
        System.out.println(post(address, "/insert", ""));
    }
}
